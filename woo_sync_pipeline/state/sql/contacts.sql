-- name: is_erased
-- Who was erased in a store, and has the phone alone.
(sources = '{}' AND EXISTS (
        SELECT FROM woo_sync.erasures AS erasure WHERE erasure.phone = contacts.phone AND erasure.mode = 'unsubscribe'
    ))
