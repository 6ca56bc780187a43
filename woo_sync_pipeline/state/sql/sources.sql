-- name: remember
INSERT INTO woo_sync.sources (source, name, is_explicit, name_format, settings)
VALUES (:key, :name, :is_explicit, :name_format, :settings)
ON CONFLICT (source) DO UPDATE
SET name = excluded.name, is_explicit = excluded.is_explicit, name_format = excluded.name_format,
    settings = excluded.settings
WHERE (sources.name, sources.is_explicit, sources.name_format, sources.settings)
    IS DISTINCT FROM (excluded.name, excluded.is_explicit, excluded.name_format, excluded.settings)

-- name: change_modes
UPDATE woo_sync.sources AS known SET is_explicit = configured.is_explicit
FROM unnest(:keys, :modes) AS configured (source, is_explicit)
WHERE known.source = configured.source AND known.is_explicit IS DISTINCT FROM configured.is_explicit
RETURNING known.source

-- name: of_refused
SELECT source, name, is_explicit, name_format FROM woo_sync.sources
WHERE source <> ALL(:configured) AND (:any OR source = ANY(:refused))
