-- name: is_push_awaited
-- A key of 64 bits is shown in two halves; objsubid tells it from two keys of 32.
SELECT EXISTS (
    SELECT FROM pg_locks
    WHERE locktype = 'advisory' AND NOT granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND classid = 0 AND objid = :key AND objsubid = 1
)

-- name: take_work_memory
-- What is compared at a time then stays in memory.
SELECT set_config('work_mem', :least, true) WHERE pg_size_bytes(current_setting('work_mem')) < pg_size_bytes(:least)
