-- What filters (server/cql2) need of the database: texts without case and accents, arithmetic that is unknown where it
-- has no value, arrays as sets. The same rules stand in C in server/cql2 (fold.c, number.c); tests/unit/cql2 compares
-- the two, character by character.
SET LOCAL search_path = wardwatch, public;

CREATE EXTENSION IF NOT EXISTS unaccent SCHEMA public;

-- Full case folding: through capitals, so that ß and ẞ are ss and ς is σ, whatever locale the database has.
CREATE FUNCTION cql2_casefold(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT replace(translate(lower(upper($1 COLLATE "und-x-icu") COLLATE "und-x-icu"), 'ς', 'σ'), 'ß', 'ss')
$$;

-- Letters without their marks, be they one character or a letter and combining marks (U+0300 to U+036F). IMMUTABLE, so
-- that it can be indexed: the dictionary is named, and changes only with PostgreSQL itself.
CREATE FUNCTION cql2_unaccent(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT regexp_replace(public.unaccent('public.unaccent', $1), U&'[\0300-\036F]', '', 'g')
$$;

-- With the sign of the left side, as % has it.
CREATE FUNCTION cql2_modulo(a double precision, b double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT a - b * trunc(a / nullif(b, 0))
$$;

-- Unknown where there is no real power, or none that a double can hold.
CREATE FUNCTION cql2_power(a double precision, b double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE WHEN a = 0 AND b < 0 THEN NULL
                WHEN a < 0 AND b <> trunc(b) THEN NULL
                WHEN a <> 0 AND b * ln(abs(a)) > 709 THEN NULL -- e^709.8 is the largest double
                WHEN a <> 0 AND b * ln(abs(a)) < -700 THEN 0
                ELSE power(a, b) END
$$;

-- Have two JSON arrays an element in common? Unknown when one is no array.
CREATE FUNCTION cql2_overlaps(a jsonb, b jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE WHEN jsonb_typeof(a) = 'array' AND jsonb_typeof(b) = 'array'
                THEN EXISTS (SELECT FROM jsonb_array_elements(a) e WHERE b @> jsonb_build_array(e)) END
$$;
