-- name: form
md5(ROW(
    first_name, last_name, email, array_to_string(sources, ','), array_to_string(groups, ','), consent, consent_at,
    consent_dated_at
)::text)

-- name: opts_out
(consent = 'opted_out' AND base_state = 'SUBSCRIBED'
    AND (consent, consent_at) IS DISTINCT FROM (base_consent, base_consent_at))

-- name: is_erased
-- Who was erased in a store, and has the phone alone.
(sources = '{}' AND EXISTS (
        SELECT FROM woo_sync.erasures AS erasure WHERE erasure.phone = contacts.phone AND erasure.mode = 'unsubscribe'
    ))

-- name: pending
SELECT phone FROM woo_sync.contacts
WHERE is_pending
    AND (:source_name = ANY(sources) OR :source_name = ANY(base_sources) OR phone = ANY(:touched)
        OR {opts_out}
        OR (in_flight IS NOT NULL AND rejected_form IS NULL))
    AND (:include_rejected OR rejected_form IS DISTINCT FROM {form} OR {opts_out})
UNION
SELECT phone FROM woo_sync.contacts JOIN woo_sync.erasures AS erased USING (phone)
WHERE erased.mode = 'unsubscribe' AND sources = '{}'
ORDER BY phone

-- name: opting_out
SELECT phone FROM woo_sync.contacts WHERE is_pending AND {opts_out} ORDER BY phone

-- name: load
SELECT phone, first_name, last_name, email, sources, groups, consent, consent_at, consent_dated_at, status,
    {base_columns}, in_flight, {is_erased} AS is_erased, now() AS asked_at
FROM woo_sync.contacts WHERE (is_pending OR {is_erased}) AND phone = ANY(:phones) ORDER BY phone

-- name: confirm
UPDATE woo_sync.contacts AS known SET
    contact_id = coalesce(confirmed.contact_id, known.contact_id),
    {confirmed_columns},
    confirmed_at = now(), missed_at = NULL, in_flight = NULL, rejected_reason = NULL, rejected_form = NULL
FROM confirmed WHERE known.phone = confirmed.phone

-- name: reject
-- What was in flight stays so: the platform may have taken a part of it, and an opt-out in reply to a subscription that
-- was never confirmed must still be told from our own.
UPDATE woo_sync.contacts AS known
SET rejected_reason = rejected.reason, rejected_form = {form}
FROM rejected WHERE known.phone = rejected.phone

-- name: note_in_flight
UPDATE woo_sync.contacts AS known SET in_flight = sending.in_flight FROM sending WHERE known.phone = sending.phone

-- name: adopt_list
-- A person may have given the list another name, one that is ours as well.
DELETE FROM woo_sync.platform_lists WHERE list_id = :list_id AND lower(name) <> lower(:name);
INSERT INTO woo_sync.platform_lists (list_id, name) VALUES (:list_id, :name)
ON CONFLICT (lower(name)) DO UPDATE SET list_id = excluded.list_id

-- name: count_held
SELECT count(*) FROM woo_sync.contacts WHERE phone = ANY(:phones) AND :source_name = ANY(sources)

-- name: totals
SELECT count(*) AS contacts,
    count(*) FILTER (WHERE base_state = 'SUBSCRIBED') AS subscribed,
    count(*) FILTER (WHERE base_state = 'UNSUBSCRIBED') AS unsubscribed,
    (SELECT count(DISTINCT name) FROM woo_sync.contacts AS held CROSS JOIN unnest(held.groups) AS name
        WHERE :source_name = ANY(held.sources)
        AND name ~ :pattern) AS groups
FROM woo_sync.contacts WHERE :source_name = ANY(sources)
