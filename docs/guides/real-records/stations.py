#!/usr/bin/python3
"""Writes what the two data sets lack: stations as things, and test wards for Beijing.

    stations.py pittsburgh esdr_metadata.json > things.geojson
    stations.py beijing stations.csv          > things.geojson
    stations.py beijing-wards stations.csv    > wards.geojson     one synthetic square of 0.02 degrees a station
"""

import csv
import json
import sys

HALF_SIDE_DEG = 0.01


def collection(features):
    return {"type": "FeatureCollection", "features": features}


def point(lon, lat, properties):
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [lon, lat]},
        "properties": {"class": "air_station", **properties},
    }


def pittsburgh(path):
    with open(path, encoding="utf-8") as file:
        stations = json.load(file)
    return collection(
        [point(s["longitude"], s["latitude"], {"feed": "esdr", "key": str(s["id"]), "name_zh": s["name"], "name_en": s["name"],
                                              "limit_class": "ambient", "zipcode": s["zipcode"]})
         for s in stations]
    )


def read_stations(path):
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield row, float(row["lon"]), float(row["lat"])


def beijing(path):
    return collection(
        [point(lon, lat, {"feed": "prsa", "key": row["station"], "name_zh": row["name_zh"], "name_en": row["station"],
                          "limit_class": "air.2", "cnemc_id": row["cnemc_id"]})
         for row, lon, lat in read_stations(path)]
    )


def beijing_wards(path):
    features = []
    for row, lon, lat in read_stations(path):
        west, east, south, north = lon - HALF_SIDE_DEG, lon + HALF_SIDE_DEG, lat - HALF_SIDE_DEG, lat + HALF_SIDE_DEG
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        features.append(
            {
                "type": "Feature",
                "geometry": {"type": "Polygon", "coordinates": [ring]},
                "properties": {"code": row["cnemc_id"], "name_zh": row["name_zh"], "name_en": row["station"],
                               "synthetic": True},
            }
        )
    return collection(features)


if __name__ == "__main__":
    makers = {"pittsburgh": pittsburgh, "beijing": beijing, "beijing-wards": beijing_wards}
    if len(sys.argv) != 3 or sys.argv[1] not in makers:
        sys.exit(__doc__)
    json.dump(makers[sys.argv[1]](sys.argv[2]), sys.stdout, ensure_ascii=False)
