-- Schema layers: what is in it is served under /ogc/ (docs/guides/layers.md). One view a built-in collection; an operator adds
-- views and tables of their own, which servers notice by themselves.
--
-- A comment's first line is the title, "English / 中文"; the lines below are the description, those with Chinese characters its
-- Chinese form. The line "wardwatch: …" has options: key=COLUMNS (what identifies a row, and the order of pages), time=COLUMN
-- or time=START/END, ward=COLUMN, public (no ward: for every account), anonymous (also for nobody, where the server allows it).
-- Comments of columns are titles.
--
-- security_invoker: the rows that a reader sees are those that the reader's role sees in the tables below.
CREATE SCHEMA layers;
COMMENT ON SCHEMA layers IS 'Each table and view here is a collection of /ogc/';
SET LOCAL search_path = wardwatch, public;

CREATE VIEW layers.ward WITH (security_invoker = true) AS
SELECT w.id, w.code, w.name_zh, w.name_en, a.open_alerts, a.worst_severity, w.synthetic, w.id AS ward_id, w.geom
FROM ward w
CROSS JOIN LATERAL (SELECT count(*)::integer AS open_alerts, coalesce(max(x.severity), 0)::integer AS worst_severity
                    FROM alert x
                    WHERE x.ward_id = w.id AND x.state = 'open' AND x.category = 'pollution') a;
COMMENT ON VIEW layers.ward IS 'Wards / 街镇
Streets and towns of the district, with how many pollution alerts are open in each
辖区内的街道和镇，以及各自未解除的污染预警数
wardwatch: key=id anonymous';
COMMENT ON COLUMN layers.ward.code IS 'Code of the ward / 街镇代码';
COMMENT ON COLUMN layers.ward.open_alerts IS 'Open pollution alerts / 未解除的污染预警数';
COMMENT ON COLUMN layers.ward.worst_severity IS 'Worst severity of them, 0 to 4 / 其中最高级别（0–4）';
COMMENT ON COLUMN layers.ward.synthetic IS 'Made up, not surveyed / 合成数据';

CREATE VIEW layers.site WITH (security_invoker = true) AS
SELECT s.id, s.code, s.name_zh, s.name_en, s.kind, s.limit_class, s.uscc, s.ward_id, w.code AS ward, s.properties, s.geom
FROM site s
LEFT JOIN ward w ON w.id = s.ward_id;
COMMENT ON VIEW layers.site IS 'Sites / 监管对象
Regulated places: hospitals, plants, outfalls
受监管的场所：医疗机构、企业、排口等
wardwatch: key=id anonymous';
COMMENT ON COLUMN layers.site.kind IS 'Kind of site / 类型';
COMMENT ON COLUMN layers.site.limit_class IS 'Column of its standard that applies / 适用的标准类别';
COMMENT ON COLUMN layers.site.uscc IS 'Unified social credit code / 统一社会信用代码';
COMMENT ON COLUMN layers.site.ward IS 'Code of the ward / 街镇代码';

CREATE VIEW layers.waterway WITH (security_invoker = true) AS
SELECT id, code, name_zh, name_en, downstream, length_m, synthetic, geom
FROM waterway;
COMMENT ON VIEW layers.waterway IS 'Waterways / 水系
Reaches, drawn in the direction of flow
河段，按水流方向绘制
wardwatch: key=id public anonymous';
COMMENT ON COLUMN layers.waterway.downstream IS 'Code of the reach it flows into / 下游河段代码';
COMMENT ON COLUMN layers.waterway.length_m IS 'Length in metres / 长度（米）';

-- The newest valid reading of every series. Backwards along the primary key: a reading or two are looked at.
CREATE VIEW layers.datastream WITH (security_invoker = true) AS
SELECT d.id, d.thing_id, t.key AS thing, t.name_zh AS thing_name_zh, t.name_en AS thing_name_en, t.class, p.code AS property,
       p.name_zh AS property_zh, p.name_en AS property_en, p.unit, d.statistic, d.interval_s, o.value AS latest_value,
       o.phenomenon_time AS latest_at, o.flag::text AS latest_flag, t.ward_id, w.code AS ward, t.geom
FROM datastream d
JOIN thing t ON t.id = d.thing_id
JOIN observed_property p ON p.id = d.property_id
LEFT JOIN ward w ON w.id = t.ward_id
LEFT JOIN LATERAL (SELECT x.value, x.phenomenon_time, x.flag
                   FROM observation x
                   WHERE x.datastream_id = d.id
                   ORDER BY x.phenomenon_time DESC, x.interval_s DESC, x.version DESC
                   LIMIT 1) o ON true;
COMMENT ON VIEW layers.datastream IS 'Series with their latest value / 监测序列及最新读数
What each thing measures: property, unit, the newest value and when it was
每台设备的各项指标：单位、最新读数及其时间
wardwatch: key=id time=latest_at anonymous';
COMMENT ON COLUMN layers.datastream.property IS 'Code of the observed property / 指标代码';
COMMENT ON COLUMN layers.datastream.latest_flag IS 'Quality: N normal, F stopped, M maintenance, C calibration, D fault … / 数据标记';

CREATE VIEW layers.thing WITH (security_invoker = true) AS
SELECT t.id, f.name AS feed, t.key, t.name_zh, t.name_en, t.class, s.code AS site, h.state AS health, h.last_received_at,
       n.property AS latest_property, n.latest_value, n.unit AS latest_unit, n.latest_at, l.latest, t.ward_id, w.code AS ward, t.geom
FROM thing t
JOIN feed f ON f.id = t.feed_id
LEFT JOIN site s ON s.id = t.site_id
LEFT JOIN ward w ON w.id = t.ward_id
LEFT JOIN thing_health h ON h.thing_id = t.id
LEFT JOIN LATERAL (SELECT d.property, d.latest_value, d.unit, d.latest_at
                   FROM layers.datastream d
                   WHERE d.thing_id = t.id AND d.latest_at IS NOT NULL
                   ORDER BY d.latest_at DESC, d.id
                   LIMIT 1) n ON true
LEFT JOIN LATERAL (SELECT jsonb_agg(jsonb_build_object('property', d.property, 'statistic', d.statistic, 'interval_s', d.interval_s,
                                                       'value', d.latest_value, 'unit', d.unit, 'at', d.latest_at) ORDER BY d.id) AS latest
                   FROM layers.datastream d
                   WHERE d.thing_id = t.id AND d.latest_at IS NOT NULL) l ON true;
COMMENT ON VIEW layers.thing IS 'Things with their latest values / 设备及最新读数
Stations, meters and reporters, how they are as senders, and what they said last
监测站、仪表等设备，其在线状态及最近一次读数
wardwatch: key=id time=latest_at anonymous';
COMMENT ON COLUMN layers.thing.feed IS 'Feed it comes through / 数据源';
COMMENT ON COLUMN layers.thing.key IS 'The sender''s own name for it / 设备自身编号';
COMMENT ON COLUMN layers.thing.health IS 'ok, late, drifting, silent or unknown / 健康状态';
COMMENT ON COLUMN layers.thing.latest IS 'The newest value of each series / 各指标最新读数';
COMMENT ON COLUMN layers.thing.ward IS 'Code of the ward / 街镇代码';

CREATE VIEW layers.observation WITH (security_invoker = true) AS
SELECT o.datastream_id, o.phenomenon_time, o.interval_s, o.value, p.unit, p.code AS property, d.statistic, t.key AS thing, d.thing_id,
       o.flag::text AS flag, o.version, o.detail, o.ward_id, w.code AS ward, coalesce(i.geom, t.geom) AS geom
FROM observation o
JOIN datastream d ON d.id = o.datastream_id
JOIN thing t ON t.id = d.thing_id
JOIN observed_property p ON p.id = d.property_id
LEFT JOIN feature_of_interest i ON i.id = o.foi_id
LEFT JOIN ward w ON w.id = o.ward_id
WHERE NOT EXISTS (SELECT FROM observation n
                  WHERE n.datastream_id = o.datastream_id AND n.phenomenon_time = o.phenomenon_time
                    AND n.interval_s = o.interval_s AND n.version > o.version);
COMMENT ON VIEW layers.observation IS 'Observations / 观测数据
Every reading in its newest version, where it was taken
全部观测值（最新版本）及其位置
wardwatch: key=datastream_id,phenomenon_time,interval_s time=phenomenon_time anonymous';
COMMENT ON COLUMN layers.observation.phenomenon_time IS 'The moment, or the start of the interval / 观测时间（或时段起点）';
COMMENT ON COLUMN layers.observation.interval_s IS 'Length of the interval in seconds, 0: a moment / 时段长度（秒）';
COMMENT ON COLUMN layers.observation.property IS 'Code of the observed property / 指标代码';
COMMENT ON COLUMN layers.observation.flag IS 'Quality: N normal, F stopped, M maintenance, C calibration, D fault … / 数据标记';
COMMENT ON COLUMN layers.observation.version IS 'From 2 on: corrected / 版本（大于 1 为更正值）';

CREATE VIEW layers.complaint WITH (security_invoker = true) AS
SELECT o.*
FROM layers.observation o
WHERE o.property = 'complaint' OR o.property LIKE '%\_complaint';
COMMENT ON VIEW layers.complaint IS 'Complaints / 投诉
What people reported, where it was (observed properties named complaint or …_complaint)
群众投诉及其位置（指标 complaint 或 …_complaint）
wardwatch: key=datastream_id,phenomenon_time,interval_s time=phenomenon_time anonymous';
COMMENT ON COLUMN layers.complaint.detail IS 'What was reported / 投诉内容';

CREATE VIEW layers.alert WITH (security_invoker = true) AS
SELECT a.id, r.code AS rule, r.name_zh AS rule_name_zh, r.name_en AS rule_name_en, a.category, a.detector, a.severity, a.state,
       a.opened_at, a.cleared_at, a.detected_at, a.last_exceeded_at, a.exceed_count, p.code AS property, p.unit, a.last_value,
       a.peak_value, a.peak_at, l.lower AS limit_lower, l.upper AS limit_upper, l.standard_no, t.key AS thing, s.code AS site,
       a.subject_kind, a.subject_id, a.rule_version,
       (SELECT u.outcome FROM alert_outcome u WHERE u.alert_id = a.id ORDER BY u.id DESC LIMIT 1) AS outcome,
       a.ward_id, w.code AS ward,
       coalesce(t.geom, s.geom, w.seat, ST_PointOnSurface(w.geom))::geometry(Point, 4490) AS geom
FROM alert a
JOIN rule r ON r.id = a.rule_id
LEFT JOIN limit_value l ON l.id = a.limit_value_id
LEFT JOIN observed_property p ON p.id = coalesce(a.property_id, l.property_id)
LEFT JOIN ward w ON w.id = a.ward_id
LEFT JOIN datastream d ON a.subject_kind = 'datastream' AND d.id = a.subject_id
LEFT JOIN thing t ON t.id = CASE a.subject_kind WHEN 'thing' THEN a.subject_id ELSE d.thing_id END
LEFT JOIN site s ON s.id = CASE a.subject_kind WHEN 'site' THEN a.subject_id ELSE t.site_id END;
COMMENT ON VIEW layers.alert IS 'Alerts / 风险预警
Open and cleared alerts; datetime finds those that were open then
未解除和已解除的预警；按时间查询返回当时处于打开状态的预警
wardwatch: key=id time=opened_at/cleared_at anonymous';
COMMENT ON COLUMN layers.alert.category IS 'pollution, sensor or lead / 类别';
COMMENT ON COLUMN layers.alert.severity IS '1 notice, 2 warning, 3 serious, 4 critical / 级别（1–4）';
COMMENT ON COLUMN layers.alert.state IS 'open or cleared / 状态';
COMMENT ON COLUMN layers.alert.outcome IS 'What a person found it to be: confirmed, false, unknown / 核实结果';
COMMENT ON COLUMN layers.alert.ward IS 'Code of the ward / 街镇代码';

CREATE VIEW layers.alert_event WITH (security_invoker = true) AS
SELECT e.id, e.alert_id, e.kind, e.at, e.recorded_at, e.actor, a.rule, a.category, a.severity, a.property, a.thing, a.site,
       e.ward_id, w.code AS ward, a.geom
FROM alert_event e
JOIN layers.alert a ON a.id = e.alert_id
LEFT JOIN ward w ON w.id = e.ward_id;
COMMENT ON VIEW layers.alert_event IS 'History of alerts / 预警历史
Each transition of an alert, in the order of commit
预警的每次状态变化，按提交顺序
wardwatch: key=id time=at anonymous';
COMMENT ON COLUMN layers.alert_event.kind IS 'opened, joined, raised, cleared … / 事件类型';
COMMENT ON COLUMN layers.alert_event.at IS 'When it happened / 发生时间';
COMMENT ON COLUMN layers.alert_event.recorded_at IS 'When it was committed / 记录时间';

CREATE VIEW layers.trace WITH (security_invoker = true) AS
SELECT t.alert_id, f.number::integer AS number, t.as_of, f.feature #>> '{properties,kind}' AS kind, a.state AS alert_state,
       f.feature->'properties' AS properties, a.ward_id, w.code AS ward,
       CASE WHEN jsonb_typeof(f.feature->'geometry') = 'object'
            THEN ST_SetSRID(ST_GeomFromGeoJSON(f.feature->'geometry'), 4490) END::geometry(Geometry, 4490) AS geom
FROM alert_trace t
JOIN alert a ON a.id = t.alert_id
LEFT JOIN ward w ON w.id = a.ward_id
CROSS JOIN LATERAL jsonb_array_elements(t.geojson->'features') WITH ORDINALITY AS f (feature, number);
COMMENT ON VIEW layers.trace IS 'Traces of alerts / 预警溯源
Likely sources of open alerts, and what lies below
未解除预警的可能来源及下游影响范围
wardwatch: key=alert_id,number time=as_of anonymous';

CREATE VIEW layers.hotspot WITH (security_invoker = true) AS
SELECT h.id, r.code AS rule, h.places, h.key, h.class, h.value, h.n_things, h.gstar, h.gstar_p, h.gstar_q, h.moran_class, h.moran,
       h.moran_p, h.moran_q, h.as_of, h.ward_id, w.code AS ward,
       coalesce(ST_Multi(h.geom), w.geom)::geometry(MultiPolygon, 4490) AS geom
FROM hotspot h
JOIN rule r ON r.id = h.rule_id
LEFT JOIN ward w ON w.id = h.ward_id;
COMMENT ON VIEW layers.hotspot IS 'Hot spots / 热点
Wards and hexagons that stand out from their neighbours now (Getis-Ord Gi*, local Moran)
当前相对邻域显著偏高或偏低的街镇与六边形网格
wardwatch: key=id time=as_of anonymous';
COMMENT ON COLUMN layers.hotspot.class IS 'hot, cold or nothing / 冷热点';
COMMENT ON COLUMN layers.hotspot.gstar_q IS 'p by Benjamini and Hochberg / 多重检验校正后的 p 值';

CREATE VIEW layers.finding WITH (security_invoker = true) AS
SELECT f.run_id, f.subject, m.code AS model, m.version AS model_version, m.name_zh AS model_name_zh, m.name_en AS model_name_en,
       r.started_at, r.finished_at, f.reason, s.code AS site, f.ward_id, w.code AS ward, s.geom
FROM finding f
JOIN model_run r ON r.id = f.run_id
JOIN supervision_model m ON m.id = r.model_id
LEFT JOIN site s ON s.id = f.site_id
LEFT JOIN ward w ON w.id = f.ward_id;
COMMENT ON VIEW layers.finding IS 'Findings / 监督线索发现
What supervision models found
监督模型发现的问题
wardwatch: key=run_id,subject time=started_at';
