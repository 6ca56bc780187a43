-- name: is_any
SELECT EXISTS (
    SELECT FROM woo_sync.sync_runs
    WHERE greatest(started_at, finished_at, committed_at, reading_started_at, directory_read_at)
        > clock_timestamp() + :tolerance
)

-- name: heal
-- What happened has happened by now. An opt-in of the future may be as old as anything.
UPDATE woo_sync.sync_runs SET
    started_at = least(started_at, clock_timestamp()), finished_at = least(finished_at, clock_timestamp()),
    committed_at = least(committed_at, clock_timestamp()),
    reading_started_at = least(reading_started_at, clock_timestamp()),
    directory_read_at = least(directory_read_at, clock_timestamp())
WHERE greatest(started_at, finished_at, committed_at, reading_started_at, directory_read_at) > clock_timestamp();
UPDATE woo_sync.source_records SET
    first_seen_at = least(first_seen_at, clock_timestamp()), last_seen_at = least(last_seen_at, clock_timestamp()),
    gone_at = least(gone_at, clock_timestamp()), carried_opt_out_at = least(carried_opt_out_at, clock_timestamp()),
    carried_stop_at = least(carried_stop_at, clock_timestamp()),
    choice_is_dated = choice_is_dated AND choice_from <= clock_timestamp(),
    choice_from = CASE WHEN choice_from <= clock_timestamp() THEN choice_from
        WHEN choice IS NOT NULL THEN 'epoch' END,
    choice_until = least(choice_until, clock_timestamp()),
    choice_returned_at = CASE WHEN choice_returned_at <= clock_timestamp() THEN choice_returned_at END
WHERE greatest(first_seen_at, last_seen_at, gone_at, carried_opt_out_at, carried_stop_at, choice_from,
    choice_until, choice_returned_at) > clock_timestamp();
UPDATE woo_sync.contacts SET
    unsubscribed_seen_at = least(unsubscribed_seen_at, clock_timestamp()),
    base_seen_at = least(base_seen_at, clock_timestamp()), confirmed_at = least(confirmed_at, clock_timestamp()),
    missed_at = least(missed_at, clock_timestamp()),
    opted_out_when_stopped_at = least(opted_out_when_stopped_at, clock_timestamp()),
    consent_at = CASE WHEN consent_at <= clock_timestamp() THEN consent_at
        WHEN consent = 'opted_in' THEN 'epoch' ELSE clock_timestamp() END,
    consent_dated_at = CASE WHEN consent_dated_at <= clock_timestamp() THEN consent_dated_at END,
    base_consent_at = CASE WHEN base_consent_at <= clock_timestamp() THEN base_consent_at
        WHEN base_consent = 'opted_in' THEN 'epoch' ELSE clock_timestamp() END,
    base_consent_dated_at = CASE WHEN base_consent_dated_at <= clock_timestamp() THEN base_consent_dated_at END,
    applied_consent_at = least(applied_consent_at, clock_timestamp()),
    applied_consent_dated_at = least(applied_consent_dated_at, clock_timestamp())
WHERE greatest(unsubscribed_seen_at, base_seen_at, confirmed_at, missed_at, opted_out_when_stopped_at, consent_at,
    consent_dated_at, base_consent_at, base_consent_dated_at, applied_consent_at, applied_consent_dated_at)
    > clock_timestamp();
UPDATE woo_sync.contacts SET in_flight = (
    SELECT jsonb_object_agg(key, CASE
        WHEN right(key, 3) = '_at' AND jsonb_typeof(value) = 'string'
            AND (value #>> '{}')::timestamptz > clock_timestamp() THEN to_jsonb(clock_timestamp())
        ELSE value END)
    FROM jsonb_each(in_flight)
)
WHERE in_flight IS NOT NULL;
UPDATE woo_sync.consent_events SET
    earliest = CASE WHEN earliest > clock_timestamp() THEN NULL ELSE earliest END,
    is_dated = is_dated AND earliest <= clock_timestamp(),
    latest = least(latest, clock_timestamp()), seen_at = least(seen_at, clock_timestamp())
WHERE greatest(earliest, latest, seen_at) > clock_timestamp();
UPDATE woo_sync.alerts SET sent_at = least(sent_at, clock_timestamp()) WHERE sent_at > clock_timestamp();
UPDATE woo_sync.alerts_to_deliver SET
    happened_at = least(happened_at, clock_timestamp()), next_try_at = least(next_try_at, clock_timestamp()),
    claimed_until = least(claimed_until, clock_timestamp())
WHERE happened_at > clock_timestamp()
