-- name: upgrade
-- A yes that could not be read until now was not said since the last reading: it can be as old as anything.
UPDATE woo_sync.source_records
SET hash = '', consent_basis = consent_basis || ' (without lists and objects)'
WHERE consent_basis <> '' AND (
    consent_answers LIKE '%"unknown"%'
    OR (consent_answers IS NULL AND consent = 'unknown' AND consent_key <> '')
);
