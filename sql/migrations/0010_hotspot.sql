-- The maps of hot-spot rules as they are now: written by ingest/hotspot_keeper.c, a row a place that has a value.
SET LOCAL search_path = wardwatch, public;

CREATE TABLE hotspot (
    id           bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    rule_id      integer NOT NULL REFERENCES rule ON DELETE CASCADE,
    places       text NOT NULL CHECK (places IN ('ward', 'hexagon')),
    key          text NOT NULL,
    ward_id      integer REFERENCES ward ON DELETE CASCADE,
    geom         geometry(Polygon, 4490), -- of a hexagon; a ward has its own
    value        double precision NOT NULL,
    n_things     integer NOT NULL,
    gstar        double precision,
    gstar_p      double precision,
    gstar_q      double precision,
    class        text CHECK (class IN ('hot', 'cold')),
    moran        double precision,
    moran_p      double precision,
    moran_q      double precision,
    moran_class  text CHECK (moran_class IN ('high-high', 'low-low', 'high-low', 'low-high')),
    as_of        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (rule_id, places, key)
) WITH (fillfactor = 50);
COMMENT ON TABLE hotspot IS 'Gi* (gstar) and local Moran in standard deviations, p, and q by Benjamini and Hochberg: docs/guides/live-hotspot.md';
