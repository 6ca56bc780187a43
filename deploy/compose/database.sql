-- Done once, when the volume of PostgreSQL is made: the role of the state and of Dagster's storage, and its database.
-- It may make no roles and no databases, and nobody else but the superuser comes into its own.
\getenv password WOO_SYNC_DATABASE_PASSWORD
CREATE ROLE woo_sync LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'password';
CREATE DATABASE woo_sync OWNER woo_sync TEMPLATE template0 ENCODING 'UTF8';
REVOKE ALL ON DATABASE woo_sync FROM PUBLIC;
-- Dagster's tables are in the schema public: else it would take the schema that is called like the role for its own.
ALTER ROLE woo_sync IN DATABASE woo_sync SET search_path = public;
