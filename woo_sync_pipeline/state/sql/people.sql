-- name: owners
-- What belongs to a person is about the person, if that one is known: the phone typed in may be another's.
SELECT owner.phone, owner.source, owner.record_type, owner.record_id
FROM woo_sync.source_records AS named
LEFT JOIN woo_sync.source_records AS person
    ON person.source = named.source AND person.is_person AND person.record_id = named.person_id
CROSS JOIN LATERAL (
    SELECT named.source, coalesce(person.record_type, named.record_type) AS record_type,
        coalesce(person.record_id, named.record_id) AS record_id,
        CASE WHEN person.record_id IS NULL THEN named.phone ELSE person.phone END AS phone
) AS owner
WHERE {condition}
GROUP BY owner.phone, owner.source, owner.record_type, owner.record_id
ORDER BY owner.phone, owner.source, owner.record_type, length(owner.record_id), owner.record_id
