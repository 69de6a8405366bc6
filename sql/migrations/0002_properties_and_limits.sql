-- What can be observed, and the legal limits for it, as dated rows.
--
-- Class says which column of a standard applies; a thing or site carries it in limit_class:
--   medical.infectious  medical.discharge  medical.pretreatment  (+ .contact_tank, medical.station_air)  GB 18466-2005
--   wastewater.L1 L2 L3                                                                  GB 8978-1996
--   wwtp.1A 1B 2                                                                         GB 18918-2002
--   surface_water.I … V (rivers)   lake_water.I … V (lakes and reservoirs)               GB 3838-2002
--   air.1  air.2                                                                         GB 3095-2012, GB 3095-2026
--   noise_boundary.0 … 4 (a plant's boundary)   noise_area.0 … 4a, 4b                    GB 12348-2008, GB 3096-2008
--   air_boundary.new (unorganised emission at the boundary, new sources)                 GB 16297-1996
--
-- Status: 'verified' = the value was seen in a public source, which the row names; 'check' = from memory or
-- contradicted by another source. Neither replaces a comparison with the official text before a legal document.
-- A stricter local standard (DB50/… in Chongqing) goes before the national one: it is added as rows of its own.
-- What has no number (pathogens "not detectable") is not here.
SET LOCAL search_path = wardwatch, public;

INSERT INTO observed_property (code, name_zh, name_en, unit, molar_mass_g_mol, definition) VALUES
-- water
('cod',               '化学需氧量',         'chemical oxygen demand',          'mg/L',   NULL, 'dichromate method; HJ 212 w01018'),
('codmn',             '高锰酸盐指数',       'permanganate index',              'mg/L',   NULL, 'HJ 212 w01019'),
('bod5',              '五日生化需氧量',     'biochemical oxygen demand, 5 d',  'mg/L',   NULL, 'HJ 212 w01017'),
('nh3n',              '氨氮',               'ammonia nitrogen',                'mg/L',   NULL, 'as N; HJ 212 w21003'),
('tp',                '总磷',               'total phosphorus',                'mg/L',   NULL, 'as P; HJ 212 w21011'),
('tn',                '总氮',               'total nitrogen',                  'mg/L',   NULL, 'as N; HJ 212 w21001'),
('phosphate',         '磷酸盐',             'phosphate',                       'mg/L',   NULL, 'as P'),
('ss',                '悬浮物',             'suspended solids',                'mg/L',   NULL, 'HJ 212 w01012'),
('ph',                'pH值',               'pH',                              '[pH]',   NULL, 'HJ 212 w01001'),
('do',                '溶解氧',             'dissolved oxygen',                'mg/L',   NULL, 'HJ 212 w01009'),
('residual_chlorine', '总余氯',             'total residual chlorine',         'mg/L',   NULL, 'as Cl2'),
('fecal_coliform',    '粪大肠菌群',         'fecal coliform',                  'MPN/L',  NULL, 'HJ 212 w02003'),
('colour',            '色度',               'colour',                          'times',  NULL, 'dilution method'),
('petroleum',         '石油类',             'petroleum',                       'mg/L',   NULL, ''),
('oil',               '动植物油',           'animal and vegetable oil',        'mg/L',   NULL, ''),
('las',               '阴离子表面活性剂',   'anionic surfactant',              'mg/L',   NULL, ''),
('volatile_phenols',  '挥发酚',             'volatile phenols',                'mg/L',   NULL, 'HJ 212 w23002'),
('cyanide',           '总氰化物',           'total cyanide',                   'mg/L',   NULL, 'HJ 212 w21016'),
('sulfide',           '硫化物',             'sulfide',                         'mg/L',   NULL, ''),
('fluoride',          '氟化物',             'fluoride',                        'mg/L',   NULL, 'as F'),
('mercury',           '总汞',               'mercury',                         'mg/L',   NULL, 'HJ 212 w20111'),
('cadmium',           '总镉',               'cadmium',                         'mg/L',   NULL, ''),
('chromium',          '总铬',               'chromium',                        'mg/L',   NULL, ''),
('chromium_vi',       '六价铬',             'chromium(VI)',                    'mg/L',   NULL, ''),
('arsenic',           '总砷',               'arsenic',                         'mg/L',   NULL, ''),
('lead',              '总铅',               'lead',                            'mg/L',   NULL, ''),
('silver',            '总银',               'silver',                          'mg/L',   NULL, ''),
('copper',            '铜',                 'copper',                          'mg/L',   NULL, ''),
('zinc',              '锌',                 'zinc',                            'mg/L',   NULL, ''),
('selenium',          '硒',                 'selenium',                        'mg/L',   NULL, ''),
('gross_alpha',       '总α放射性',          'gross alpha activity',            'Bq/L',   NULL, ''),
('gross_beta',        '总β放射性',          'gross beta activity',             'Bq/L',   NULL, ''),
('cod_load',          '化学需氧量床位负荷', 'COD load a bed and day',          'g/bed/d', NULL, ''),
('bod5_load',         '生化需氧量床位负荷', 'BOD5 load a bed and day',         'g/bed/d', NULL, ''),
('ss_load',           '悬浮物床位负荷',     'suspended solids load a bed and day', 'g/bed/d', NULL, ''),
('conductivity',      '电导率',             'conductivity',                    'uS/cm',  NULL, 'HJ 212 w01014'),
('turbidity',         '浊度',               'turbidity',                       'NTU',    NULL, ''),
('water_temperature', '水温',               'water temperature',               'degC',   NULL, 'HJ 212 w01010'),
('flow',              '流量',               'flow',                            'L/s',    NULL, 'HJ 212 w00000'),
('water_level',       '水位',               'water level',                     'm',      NULL, ''),
('wave_height',       '波高',               'wave height',                     'm',      NULL, ''),
('wave_period',       '波周期',             'wave period',                     's',      NULL, ''),
-- air; gases by molar mass, NOx and NOy as NO2
('pm2_5',             '细颗粒物',           'fine particles PM2.5',            'ug/m3',  NULL, 'HJ 212 a34004'),
('pm10',              '可吸入颗粒物',       'inhalable particles PM10',        'ug/m3',  NULL, 'HJ 212 a34002'),
('tsp',               '总悬浮颗粒物',       'total suspended particles',       'ug/m3',  NULL, 'HJ 212 a34001'),
('so2',               '二氧化硫',           'sulfur dioxide',                  'ug/m3',  64.066, 'HJ 212 a21026'),
('no2',               '二氧化氮',           'nitrogen dioxide',                'ug/m3',  46.006, 'HJ 212 a21004'),
('no',                '一氧化氮',           'nitric oxide',                    'ug/m3',  30.006, ''),
('nox',               '氮氧化物',           'nitrogen oxides',                 'ug/m3',  46.006, 'as NO2; HJ 212 a21002'),
('noy',               '总活性氮',           'reactive nitrogen oxides NOy',    'ug/m3',  46.006, 'as NO2'),
('co',                '一氧化碳',           'carbon monoxide',                 'mg/m3',  28.010, 'HJ 212 a21005'),
('o3',                '臭氧',               'ozone',                           'ug/m3',  47.998, ''),
('h2s',               '硫化氢',             'hydrogen sulfide',                'ug/m3',  34.081, ''),
('nh3',               '氨',                 'ammonia',                         'ug/m3',  17.031, ''),
('cl2',               '氯气',               'chlorine',                        'ug/m3',  70.906, ''),
('hcl',               '氯化氢',             'hydrogen chloride',               'ug/m3',  36.461, ''),
('hf',                '氟化物(气)',         'fluorides in air',                'ug/m3',  20.006, 'as HF when sent as ppm'),
('benzene',           '苯',                 'benzene',                         'ug/m3',  78.114, ''),
('toluene',           '甲苯',               'toluene',                         'ug/m3',  92.141, ''),
('xylene',            '二甲苯',             'xylenes',                         'ug/m3',  106.168, ''),
('nmhc',              '非甲烷总烃',         'non-methane hydrocarbons',        'ug/m3',  NULL, 'as carbon'),
('phenols_air',       '酚类(气)',           'phenols in air',                  'ug/m3',  94.113, 'as phenol'),
('sulfuric_acid',     '硫酸雾',             'sulfuric acid mist',              'ug/m3',  NULL, ''),
('odour',             '臭气浓度',           'odour concentration',             'times',  NULL, 'dilution to the threshold, GB/T 14675'),
('aqi',               '空气质量指数',       'air quality index',               '1',      NULL, 'HJ 633'),
-- weather
('temperature',       '气温',               'air temperature',                 'degC',   NULL, ''),
('dew_point',         '露点',               'dew point',                       'degC',   NULL, ''),
('humidity',          '相对湿度',           'relative humidity',               '%',      NULL, ''),
('pressure',          '气压',               'air pressure',                    'hPa',    NULL, ''),
('rain',              '降水量',             'precipitation',                   'mm',     NULL, 'over the interval of the reading'),
('wind_speed',        '风速',               'wind speed',                      'm/s',    NULL, ''),
('wind_direction',    '风向',               'wind direction',                  'deg',    NULL, 'where it comes from, clockwise from north'),
('wind_sigma_theta',  '风向标准差',         'standard deviation of wind direction', 'deg', NULL, ''),
('solar_radiation',   '太阳辐射',           'solar radiation',                 'W/m2',   NULL, ''),
-- noise, people, plant
('noise_leq',         '等效连续A声级',      'equivalent sound level Leq',      'dB(A)',  NULL, 'over the interval of the reading'),
('noise_lmax',        '最大A声级',          'maximum sound level',             'dB(A)',  NULL, ''),
('odour_complaint',   '异味投诉',           'odour complaint',                 '1',      NULL, 'strength 1 (just fine) to 5 (about as bad as it gets)'),
('complaint',         '投诉',               'complaint',                       '1',      NULL, 'each report is 1'),
('traffic_flow',      '车流量',             'traffic flow',                    '1/h',    NULL, 'vehicles an hour'),
('traffic_speed',     '车速',               'traffic speed',                   'km/h',   NULL, 'mean of the vehicles'),
('vehicle_count',     '车辆数',             'vehicles counted',                '1',      NULL, 'over the interval of the reading'),
('power',             '用电功率',           'electric power',                  'kW',     NULL, ''),
('energy',            '用电量',             'electric energy',                 'kWh',    NULL, 'over the interval of the reading'),
('battery_voltage',   '电池电压',           'battery voltage',                 'V',      NULL, '');

-- Below, one statement a standard: a line is a line of its table, an array its columns in the order of
-- `classes`; v = verified, c = check, - = no limit there.

-- ── GB 18466-2005, medical institutions, tables 1 and 2 (daily means) ────────────────────────
INSERT INTO limit_value (property_id, standard_no, edition, class, averaging, upper, unit, valid_from, status, source)
SELECT (SELECT id FROM observed_property WHERE code = t.code), 'GB 18466-2005', '2005', c.class, '24h', c.upper, t.unit,
       '2006-01-01 00:00:00+08', CASE c.mark WHEN 'v' THEN 'verified' ELSE 'check' END,
       'GB 18466-2005 ' || CASE c.class WHEN 'medical.infectious' THEN 'table 1' ELSE 'table 2' END ||
       CASE WHEN c.mark <> 'v' THEN '; from memory' WHEN c.class = 'medical.infectious' THEN '; seen at haowendang.cn'
            ELSE '; seen at m.torontopetheaven.com and civilcn.com' END
FROM (VALUES
    ('fecal_coliform',    'MPN/L',   '{100,500,5000}'::double precision[],  '{v,v,v}'::text[]),
    ('cod',               'mg/L',    '{60,60,250}',      '{v,v,v}'),
    ('cod_load',          'g/bed/d', '{60,60,250}',      '{v,v,c}'),
    ('bod5',              'mg/L',    '{20,20,100}',      '{v,c,c}'),
    ('bod5_load',         'g/bed/d', '{20,20,100}',      '{v,c,c}'),
    ('ss',                'mg/L',    '{20,20,60}',       '{v,c,c}'),
    ('ss_load',           'g/bed/d', '{20,20,60}',       '{v,c,c}'),
    ('nh3n',              'mg/L',    '{15,15,NULL}',     '{v,c,-}'),
    ('oil',               'mg/L',    '{5,5,20}',         '{v,c,c}'),
    ('petroleum',         'mg/L',    '{5,5,20}',         '{v,c,c}'),
    ('las',               'mg/L',    '{5,5,10}',         '{v,c,c}'),
    ('colour',            'times',   '{30,30,NULL}',     '{v,c,-}'),
    ('volatile_phenols',  'mg/L',    '{0.5,0.5,1.0}',    '{v,c,c}'),
    ('cyanide',           'mg/L',    '{0.5,0.5,0.5}',    '{v,c,c}'),
    ('mercury',           'mg/L',    '{0.05,0.05,0.05}', '{v,c,c}'),
    ('cadmium',           'mg/L',    '{0.1,0.1,0.1}',    '{v,c,c}'),
    ('chromium',          'mg/L',    '{1.5,1.5,1.5}',    '{v,c,c}'),
    ('chromium_vi',       'mg/L',    '{0.5,0.5,0.5}',    '{v,c,c}'),
    ('arsenic',           'mg/L',    '{0.5,0.5,0.5}',    '{v,c,c}'),
    ('lead',              'mg/L',    '{1.0,1.0,1.0}',    '{v,c,c}'),
    ('silver',            'mg/L',    '{0.5,0.5,0.5}',    '{v,c,c}'),
    ('gross_alpha',       'Bq/L',    '{1,1,1}',          '{v,c,c}'),
    ('gross_beta',        'Bq/L',    '{10,10,10}',       '{v,c,c}'),
    ('residual_chlorine', 'mg/L',    '{0.5,0.5,NULL}',   '{v,c,-}')
) AS t (code, unit, uppers, marks)
CROSS JOIN LATERAL unnest('{medical.infectious,medical.discharge,medical.pretreatment}'::text[], t.uppers, t.marks)
    AS c (class, upper, mark)
WHERE c.upper IS NOT NULL;

INSERT INTO limit_value (property_id, standard_no, edition, class, averaging, lower, upper, unit, valid_from, status,
                         source, note)
SELECT (SELECT id FROM observed_property WHERE code = t.code), 'GB 18466-2005', '2005', t.class, t.averaging,
       t.lower, t.upper, t.unit, '2006-01-01 00:00:00+08', t.status, t.source, t.note
FROM (VALUES
    ('ph', 'medical.infectious',   '24h', 6::double precision, 9::double precision, '[pH]', 'verified',
     'GB 18466-2005 table 1; seen at haowendang.cn', ''),
    ('ph', 'medical.discharge',    '24h', 6, 9, '[pH]', 'verified',
     'GB 18466-2005 table 2; seen at m.torontopetheaven.com and civilcn.com', ''),
    ('ph', 'medical.pretreatment', '24h', 6, 9, '[pH]', 'verified',
     'GB 18466-2005 table 2; seen at m.torontopetheaven.com and civilcn.com', ''),
    ('residual_chlorine', 'medical.infectious.contact_tank', 'instant', 6.5, 10, 'mg/L', 'verified',
     'GB 18466-2005 table 1, note 1; seen at haowendang.cn',
     'at the outlet of the contact tank; chlorine disinfection only; contact at least 1.5 h'),
    ('residual_chlorine', 'medical.discharge.contact_tank',  'instant', 3, 10, 'mg/L', 'check',
     'GB 18466-2005 table 2, note; from memory',
     'at the outlet of the contact tank; chlorine disinfection only; contact at least 1 h'),
    ('residual_chlorine', 'medical.pretreatment',            'instant', 2, 8, 'mg/L', 'check',
     'GB 18466-2005 table 2, note; from memory',
     'at the outlet of the contact tank; chlorine disinfection only; contact at least 1 h'),
    ('nh3',   'medical.station_air', '1h', NULL, 1.0,  'mg/m3', 'check', 'GB 18466-2005 table 3; from memory', 'highest allowed around the treatment station'),
    ('h2s',   'medical.station_air', '1h', NULL, 0.03, 'mg/m3', 'check', 'GB 18466-2005 table 3; from memory', 'highest allowed around the treatment station'),
    ('cl2',   'medical.station_air', '1h', NULL, 0.1,  'mg/m3', 'check', 'GB 18466-2005 table 3; from memory', 'highest allowed around the treatment station'),
    ('odour', 'medical.station_air', '1h', NULL, 10,   'times', 'check', 'GB 18466-2005 table 3; from memory', 'highest allowed around the treatment station')
) AS t (code, class, averaging, lower, upper, unit, status, source, note);

-- ── GB 8978-1996, integrated wastewater, table 4 (units built from 1998 on, daily means) ─────
-- Its rows for hospitals are left out: GB 18466 governs these.
INSERT INTO limit_value (property_id, standard_no, edition, class, averaging, lower, upper, unit, valid_from, status,
                         source)
SELECT (SELECT id FROM observed_property WHERE code = t.code), 'GB 8978-1996', '1996', c.class, '24h', t.lower, c.upper,
       t.unit, '1998-01-01 00:00:00+08', CASE c.mark WHEN 'v' THEN 'verified' ELSE 'check' END,
       CASE c.mark WHEN 'v' THEN 'GB 8978-1996 table 4; seen at ytchenkai.cn'
            ELSE 'GB 8978-1996 table 4 (metals, radioactivity: table 1); from memory' END
FROM (VALUES
    ('ph',               '[pH]',  6::double precision, '{9,9,9}'::double precision[], '{v,v,v}'::text[]),
    ('colour',           'times', NULL, '{50,80,NULL}',     '{v,v,-}'),
    ('ss',               'mg/L',  NULL, '{70,150,400}',     '{c,c,c}'),
    ('bod5',             'mg/L',  NULL, '{20,30,300}',      '{c,c,c}'),
    ('cod',              'mg/L',  NULL, '{100,150,500}',    '{v,v,v}'),
    ('petroleum',        'mg/L',  NULL, '{5,10,20}',        '{c,c,c}'),
    ('oil',              'mg/L',  NULL, '{10,15,100}',      '{c,c,c}'),
    ('volatile_phenols', 'mg/L',  NULL, '{0.5,0.5,2.0}',    '{v,v,v}'),
    ('cyanide',          'mg/L',  NULL, '{0.5,0.5,1.0}',    '{v,v,v}'),
    ('sulfide',          'mg/L',  NULL, '{1.0,1.0,1.0}',    '{c,c,c}'),
    ('nh3n',             'mg/L',  NULL, '{15,25,NULL}',     '{v,v,-}'),
    ('fluoride',         'mg/L',  NULL, '{10,10,20}',       '{v,v,v}'),
    ('phosphate',        'mg/L',  NULL, '{0.5,1.0,NULL}',   '{v,v,-}'),
    ('mercury',          'mg/L',  NULL, '{0.05,0.05,0.05}', '{c,c,c}'),
    ('cadmium',          'mg/L',  NULL, '{0.1,0.1,0.1}',    '{c,c,c}'),
    ('chromium',         'mg/L',  NULL, '{1.5,1.5,1.5}',    '{c,c,c}'),
    ('chromium_vi',      'mg/L',  NULL, '{0.5,0.5,0.5}',    '{c,c,c}'),
    ('arsenic',          'mg/L',  NULL, '{0.5,0.5,0.5}',    '{c,c,c}'),
    ('lead',             'mg/L',  NULL, '{1.0,1.0,1.0}',    '{c,c,c}'),
    ('silver',           'mg/L',  NULL, '{0.5,0.5,0.5}',    '{c,c,c}'),
    ('gross_alpha',      'Bq/L',  NULL, '{1,1,1}',          '{c,c,c}'),
    ('gross_beta',       'Bq/L',  NULL, '{10,10,10}',       '{c,c,c}')
) AS t (code, unit, lower, uppers, marks)
CROSS JOIN LATERAL unnest('{wastewater.L1,wastewater.L2,wastewater.L3}'::text[], t.uppers, t.marks) AS c (class, upper, mark)
WHERE c.upper IS NOT NULL;

-- ── GB 18918-2002, municipal waste water plants, table 1 (daily means) ───────────────────────
INSERT INTO limit_value (property_id, standard_no, edition, class, averaging, lower, upper, unit, valid_from, status,
                         source, note)
SELECT (SELECT id FROM observed_property WHERE code = t.code), 'GB 18918-2002', '2002', c.class, '24h', t.lower, c.upper,
       t.unit, '2003-07-01 00:00:00+08', CASE c.mark WHEN 'v' THEN 'verified' ELSE 'check' END,
       CASE c.mark WHEN 'v' THEN 'GB 18918-2002 table 1; seen at wanglu.net' ELSE 'GB 18918-2002 table 1; from memory' END,
       t.note
FROM (VALUES
    ('cod',            'mg/L',  NULL::double precision, '{50,60,100}'::double precision[], '{v,v,v}'::text[], ''),
    ('bod5',           'mg/L',  NULL, '{10,20,30}',         '{v,v,v}', ''),
    ('ss',             'mg/L',  NULL, '{10,20,30}',         '{v,v,v}', ''),
    ('oil',            'mg/L',  NULL, '{1,3,5}',            '{v,v,v}', ''),
    ('petroleum',      'mg/L',  NULL, '{1,3,5}',            '{v,v,v}', ''),
    ('las',            'mg/L',  NULL, '{0.5,1,2}',          '{v,v,v}', ''),
    ('tn',             'mg/L',  NULL, '{15,20,NULL}',       '{v,v,-}', ''),
    ('nh3n',           'mg/L',  NULL, '{5,8,25}',           '{v,v,c}', 'with water at or below 12 degC: 1A 8, 1B 15, 2 30'),
    ('tp',             'mg/L',  NULL, '{0.5,1,3}',          '{v,v,c}', 'plants built to 2005-12-31: 1A 1, 1B 1.5, 2 3'),
    ('colour',         'times', NULL, '{30,30,40}',         '{c,c,c}', ''),
    ('ph',             '[pH]',  6,    '{9,9,9}',            '{v,v,v}', ''),
    ('fecal_coliform', '1/L',   NULL, '{1000,10000,10000}', '{v,v,c}', '')
) AS t (code, unit, lower, uppers, marks, note)
CROSS JOIN LATERAL unnest('{wwtp.1A,wwtp.1B,wwtp.2}'::text[], t.uppers, t.marks) AS c (class, upper, mark)
WHERE c.upper IS NOT NULL;

-- ── GB 3838-2002, surface water, table 1 (each sample) ───────────────────────────────────────
-- Rivers and lakes differ in total phosphorus; total nitrogen is for lakes and reservoirs only.
INSERT INTO limit_value (property_id, standard_no, edition, class, averaging, lower, upper, unit, valid_from, status,
                         source, note)
SELECT (SELECT id FROM observed_property WHERE code = t.code), 'GB 3838-2002', '2002', w.water || '.' || c.grade, 'instant',
       CASE t.code WHEN 'ph' THEN 6 WHEN 'do' THEN c.value END, CASE t.code WHEN 'do' THEN NULL ELSE c.value END,
       t.unit, '2002-06-01 00:00:00+08', CASE c.mark WHEN 'v' THEN 'verified' ELSE 'check' END,
       CASE c.mark WHEN 'v' THEN 'GB 3838-2002 table 1; seen at ' || t.seen ELSE 'GB 3838-2002 table 1; from memory' END,
       CASE WHEN t.code = 'do' AND c.grade = 'I' THEN 'or 90 % of saturation' ELSE '' END
FROM (VALUES
    ('{surface_water,lake_water}'::text[], 'ph', '[pH]', '{9,9,9,9,9}'::double precision[], '{v,v,v,v,v}'::text[], 'hanspub.org'),
    ('{surface_water,lake_water}', 'do',      'mg/L', '{7.5,6,5,3,2}',            '{v,v,v,v,v}', 'ryyc.cn and a public code table of class limits'),
    ('{surface_water,lake_water}', 'codmn',   'mg/L', '{2,4,6,10,15}',            '{v,v,v,v,v}', 'ryyc.cn and a public code table of class limits'),
    ('{surface_water,lake_water}', 'cod',     'mg/L', '{15,15,20,30,40}',         '{c,c,v,v,v}', 'ryyc.cn'),
    ('{surface_water,lake_water}', 'bod5',    'mg/L', '{3,3,4,6,10}',             '{c,c,v,v,v}', 'ryyc.cn'),
    ('{surface_water,lake_water}', 'nh3n',    'mg/L', '{0.15,0.5,1.0,1.5,2.0}',   '{v,v,v,v,v}', 'ryyc.cn and a public code table of class limits'),
    ('{surface_water}',            'tp',      'mg/L', '{0.02,0.1,0.2,0.3,0.4}',   '{v,v,v,v,v}', 'ryyc.cn and a public code table of class limits'),
    ('{lake_water}',               'tp',      'mg/L', '{0.01,0.025,0.05,0.1,0.2}', '{v,v,v,v,v}', 'ryyc.cn and a public code table of class limits'),
    ('{lake_water}',               'tn',      'mg/L', '{0.2,0.5,1.0,1.5,2.0}',    '{v,v,v,v,v}', 'ryyc.cn and a public code table of class limits'),
    ('{surface_water,lake_water}', 'copper',  'mg/L', '{0.01,1.0,1.0,1.0,1.0}',   '{c,c,c,c,c}', ''),
    ('{surface_water,lake_water}', 'zinc',    'mg/L', '{0.05,1.0,1.0,2.0,2.0}',   '{c,c,c,c,c}', ''),
    ('{surface_water,lake_water}', 'fluoride', 'mg/L', '{1.0,1.0,1.0,1.5,1.5}',   '{c,c,c,c,c}', ''),
    ('{surface_water,lake_water}', 'selenium', 'mg/L', '{0.01,0.01,0.01,0.02,0.02}', '{c,c,c,c,c}', ''),
    ('{surface_water,lake_water}', 'arsenic', 'mg/L', '{0.05,0.05,0.05,0.1,0.1}', '{c,c,c,c,c}', ''),
    ('{surface_water,lake_water}', 'mercury', 'mg/L', '{0.00005,0.00005,0.0001,0.001,0.001}', '{c,c,c,c,c}', ''),
    ('{surface_water,lake_water}', 'cadmium', 'mg/L', '{0.001,0.005,0.005,0.005,0.01}', '{c,c,c,c,c}', ''),
    ('{surface_water,lake_water}', 'chromium_vi', 'mg/L', '{0.01,0.05,0.05,0.05,0.1}', '{c,c,c,c,c}', ''),
    ('{surface_water,lake_water}', 'lead',    'mg/L', '{0.01,0.01,0.05,0.05,0.1}', '{c,c,c,c,c}', ''),
    ('{surface_water,lake_water}', 'cyanide', 'mg/L', '{0.005,0.05,0.2,0.2,0.2}', '{c,c,c,c,c}', ''),
    ('{surface_water,lake_water}', 'volatile_phenols', 'mg/L', '{0.002,0.002,0.005,0.01,0.1}', '{c,c,c,c,c}', ''),
    ('{surface_water,lake_water}', 'petroleum', 'mg/L', '{0.05,0.05,0.05,0.5,1.0}', '{c,c,c,c,c}', ''),
    ('{surface_water,lake_water}', 'las',     'mg/L', '{0.2,0.2,0.2,0.3,0.3}',    '{c,c,c,c,c}', ''),
    ('{surface_water,lake_water}', 'sulfide', 'mg/L', '{0.05,0.1,0.2,0.5,1.0}',   '{c,c,c,c,c}', ''),
    ('{surface_water,lake_water}', 'fecal_coliform', '1/L', '{200,2000,10000,20000,40000}', '{v,v,v,v,v}', 'hanspub.org')
) AS t (waters, code, unit, grades, marks, seen)
CROSS JOIN LATERAL unnest(t.waters) AS w (water)
CROSS JOIN LATERAL unnest('{I,II,III,IV,V}'::text[], t.grades, t.marks) AS c (grade, value, mark);

-- ── GB 3095, ambient air ─────────────────────────────────────────────────────────────────────
-- Chosen by the time of the observation: the 2012 edition until the end of February 2026, then the two phases
-- of the 2026 edition. The 2012 edition began in 2012 in municipalities and provincial capitals, in 2016 everywhere.
INSERT INTO limit_value (property_id, standard_no, edition, class, phase, averaging, upper, unit, valid_from, valid_to,
                         status, source, note)
SELECT (SELECT id FROM observed_property WHERE code = t.code), 'GB 3095-2012', '2012', 'air.2', '', t.averaging, t.upper,
       CASE t.code WHEN 'co' THEN 'mg/m3' ELSE 'ug/m3' END, '2012-02-29 00:00:00+08', '2026-03-01 00:00:00+08', 'verified',
       'GB 3095-2012 table 1, grade 2; seen at onxelh.cn',
       CASE t.averaging WHEN '8h' THEN 'highest 8 h mean of the day; ' ELSE '' END ||
       'in force from 2012 in municipalities and provincial capitals, from 2016-01-01 everywhere (dates from memory)'
FROM (VALUES
    ('so2',   '1year', 60::double precision), ('so2', '24h', 150), ('so2', '1h', 500),
    ('no2',   '1year', 40), ('no2', '24h', 80), ('no2', '1h', 200),
    ('co',    '24h', 4), ('co', '1h', 10),
    ('o3',    '8h', 160), ('o3', '1h', 200),
    ('pm10',  '1year', 70), ('pm10', '24h', 150),
    ('pm2_5', '1year', 35), ('pm2_5', '24h', 75)
) AS t (code, averaging, upper);

-- {grade 1, grade 2 in phase 1, grade 1, grade 2 in phase 2}; `rival`: another source's grade 2 in phase 2.
INSERT INTO limit_value (property_id, standard_no, edition, class, phase, averaging, upper, unit, valid_from, valid_to,
                         status, source, note)
SELECT (SELECT id FROM observed_property WHERE code = t.code), 'GB 3095-2026', '2026', c.class, c.phase, t.averaging,
       c.upper, CASE t.code WHEN 'co' THEN 'mg/m3' ELSE 'ug/m3' END,
       CASE c.phase WHEN '2026-2030' THEN '2026-03-01 00:00:00+08' ELSE '2031-01-01 00:00:00+08' END::timestamptz,
       CASE c.phase WHEN '2026-2030' THEN '2031-01-01 00:00:00+08' ELSE 'infinity' END::timestamptz,
       CASE WHEN c.contested AND t.rival IS NOT NULL THEN 'check' ELSE 'verified' END,
       'GB 3095-2026 table 1; seen in ' || CASE t.code WHEN 'pm2_5' THEN 'press reports (cinic.org.cn, Xinhua) and ' ELSE '' END ||
       'a public test suite that quotes mee.gov.cn',
       CASE t.averaging WHEN '8h' THEN 'highest 8 h mean of the day' ELSE '' END ||
       CASE WHEN c.contested AND t.rival IS NOT NULL
            THEN 'another public source gives ' || t.rival || ': compare with the official text' ELSE '' END
FROM (VALUES
    ('pm2_5', '1year', '{15,30,10,25}'::double precision[], NULL::text),
    ('pm2_5', '24h',   '{35,60,25,50}',     NULL),
    ('pm10',  '1year', '{40,60,20,50}',     NULL),
    ('pm10',  '24h',   '{50,120,50,100}',   '70'),
    ('so2',   '1year', '{20,60,20,20}',     '40'),
    ('so2',   '24h',   '{50,150,50,50}',    '100'),
    ('so2',   '1h',    '{150,500,150,150}', NULL),
    ('no2',   '1year', '{40,40,30,30}',     NULL),
    ('no2',   '24h',   '{80,80,50,50}',     '60'),
    ('no2',   '1h',    '{200,200,200,200}', NULL),
    ('co',    '24h',   '{4,4,4,4}',         NULL),
    ('co',    '1h',    '{10,10,10,10}',     NULL),
    ('o3',    '8h',    '{100,160,100,160}', NULL),
    ('o3',    '1h',    '{160,200,160,200}', NULL)
) AS t (code, averaging, uppers, rival)
CROSS JOIN LATERAL unnest('{air.1,air.2,air.1,air.2}'::text[], '{2026-2030,2026-2030,from 2031,from 2031}'::text[],
                          t.uppers, '{f,f,f,t}'::boolean[]) AS c (class, phase, upper, contested);

-- ── Noise: GB 12348-2008 at a plant's boundary, GB 3096-2008 by area; day 6 to 22, night 22 to 6 ─
-- 1h: an equivalent level of each hour. Levels are not averaged arithmetically: judge such readings as they come.
INSERT INTO limit_value (property_id, standard_no, edition, class, averaging, upper, unit, hour_from, hour_to,
                         valid_from, status, source, note)
SELECT (SELECT id FROM observed_property WHERE code = 'noise_leq'), t.standard_no, '2008', t.class, '1h', c.upper, 'dB(A)',
       c.hour_from, c.hour_to, '2008-10-01 00:00:00+08', t.status, t.source,
       'day is 06:00 to 22:00 unless the local government sets other hours'
FROM (VALUES
    ('GB 12348-2008', 'noise_boundary.0', '{50,40}'::double precision[], 'verified', 'GB 12348-2008; seen at zqtest.cn'),
    ('GB 12348-2008', 'noise_boundary.1', '{55,45}', 'verified', 'GB 12348-2008; seen at zqtest.cn'),
    ('GB 12348-2008', 'noise_boundary.2', '{60,50}', 'verified', 'GB 12348-2008; seen at zqtest.cn'),
    ('GB 12348-2008', 'noise_boundary.3', '{65,55}', 'verified', 'GB 12348-2008; seen at zqtest.cn'),
    ('GB 12348-2008', 'noise_boundary.4', '{70,55}', 'verified', 'GB 12348-2008; seen at zqtest.cn'),
    ('GB 3096-2008',  'noise_area.0',     '{50,40}', 'check',    'GB 3096-2008; from memory'),
    ('GB 3096-2008',  'noise_area.1',     '{55,45}', 'verified', 'GB 3096-2008; seen for the edition of 1993 at nrems.net'),
    ('GB 3096-2008',  'noise_area.2',     '{60,50}', 'verified', 'GB 3096-2008; seen for the edition of 1993 at nrems.net'),
    ('GB 3096-2008',  'noise_area.3',     '{65,55}', 'verified', 'GB 3096-2008; seen for the edition of 1993 at nrems.net'),
    ('GB 3096-2008',  'noise_area.4a',    '{70,55}', 'verified', 'GB 3096-2008; seen for the edition of 1993 at nrems.net'),
    ('GB 3096-2008',  'noise_area.4b',    '{70,60}', 'check',    'GB 3096-2008; from memory')
) AS t (standard_no, class, uppers, status, source)
CROSS JOIN LATERAL unnest(t.uppers, '{6,22}'::smallint[], '{22,6}'::smallint[]) AS c (upper, hour_from, hour_to);

-- ── GB 16297-1996, unorganised emission at the boundary, new sources ─────────────────────────
INSERT INTO limit_value (property_id, standard_no, edition, class, averaging, upper, unit, valid_from, status, source, note)
SELECT (SELECT id FROM observed_property WHERE code = t.code), 'GB 16297-1996', '1996', 'air_boundary.new', '1h', t.upper,
       'mg/m3', '1997-01-01 00:00:00+08', 'check', 'GB 16297-1996 table 2; from memory',
       'highest concentration outside the boundary; in Chongqing DB50/418-2016 applies instead'
FROM (VALUES
    ('so2', 0.40::double precision), ('nox', 0.12), ('tsp', 1.0), ('hcl', 0.20), ('cl2', 0.40), ('hf', 0.020),
    ('benzene', 0.40), ('toluene', 2.4), ('xylene', 1.2), ('nmhc', 4.0), ('sulfuric_acid', 1.2), ('phenols_air', 0.080)
) AS t (code, upper);
