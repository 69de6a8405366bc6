/* A PostgreSQL of the test's own, by tests/support/pg_cluster.sh. */
#ifndef WW_TESTS_PG_CLUSTER_H
#define WW_TESTS_PG_CLUSTER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct cluster {
    char dir[64];
    char conninfo[256];
};

static inline int cluster_do(const struct cluster *cluster, const char *verb) {
    char command[512];
    snprintf(command, sizeof command, "%s/tests/support/pg_cluster.sh %s %s >/dev/null", WW_SOURCE_DIR, verb,
             cluster->dir);
    return system(command);
}

static inline int cluster_start(struct cluster *cluster, const char *name) {
    snprintf(cluster->dir, sizeof cluster->dir, "/tmp/ww-test-%s-%d", name, (int)getpid());
    snprintf(cluster->conninfo, sizeof cluster->conninfo, "host=%s port=5432 dbname=wardwatch user=postgres",
             cluster->dir);
    return cluster_do(cluster, "start");
}

#endif
