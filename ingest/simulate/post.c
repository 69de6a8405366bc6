/* The posting client on libcurl's multi interface. */
#include "ingest/simulate/post.h"

#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "geo/base/alloc.h"
#include "geo/base/json_reader.h"

#define ANSWER_CEILING   ((size_t)4 << 20)
#define FIRST_PAUSE_US   INT64_C(100000)
#define LONGEST_PAUSE_US INT64_C(10000000)
#define ANSWER_TIMEOUT_S 60L

struct job {
    struct job *next; /* in its lane */
    char *body;
    size_t len;
    char *url;
    char *content_type;
    uint64_t mark;
    ww_post_cb cb;
    void *arg;
    unsigned tries;
    int64_t not_before_us; /* monotonic */
};

struct lane {
    struct job *first, *last;
    bool on_its_way;
};

/* A connection's worth of curl: one transfer at a time. */
struct slot {
    CURL *easy;
    struct curl_slist *headers;
    struct ww_buf answer;
    unsigned lane;
    bool busy;
};

struct ww_poster {
    CURLM *multi;
    char server[512];
    char authorization[600];
    struct lane lanes[WW_POSTER_LANES];
    struct slot *slots;
    int n_slots;
    unsigned pending;
    uint64_t jitter;
    struct ww_post_totals totals;
};

int64_t ww_clock_us(void) {
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t ww_monotonic_us(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static enum ww_status read_token(struct ww_poster *poster, const char *path, struct ww_error *err) {
    FILE *file = fopen(path, "r");
    char line[512] = "";
    if (!file)
        return ww_error_set(err, WW_BAD_INPUT, "cannot read the token file %.150s: %s", path,
                            strerror(errno));
    char *got = fgets(line, sizeof line, file);
    fclose(file);
    struct ww_str token = ww_str_trim(ww_str_of(line));
    if (!got || token.len == 0)
        return ww_error_set(err, WW_BAD_INPUT, "the token file %.150s is empty", path);
    snprintf(poster->authorization, sizeof poster->authorization, "Authorization: Bearer %.*s",
             WW_STR_ARG(token));
    return WW_OK;
}

static size_t on_body(char *data, size_t size, size_t n, void *user) {
    struct ww_buf *answer = user;
    ww_buf_add(answer, data, size * n);
    return ww_buf_status(answer) == WW_OK ? size * n : 0;
}

static void prepare_easy(CURL *easy, struct ww_buf *answer) {
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, answer);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, 1024L * 1024L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, 10L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT, ANSWER_TIMEOUT_S);
}

enum ww_status ww_poster_new(const struct ww_poster_options *options, struct ww_poster **out,
                             struct ww_error *err) {
    struct ww_poster *poster = ww_must_calloc(1, sizeof *poster);
    enum ww_status st = WW_OK;
    snprintf(poster->server, sizeof poster->server, "%s", options->server);
    size_t len = strlen(poster->server);
    if (len > 0 && poster->server[len - 1] == '/')
        poster->server[len - 1] = '\0';
    if (options->token_file)
        st = read_token(poster, options->token_file, err);
    poster->n_slots = options->in_flight > 0 ? options->in_flight : 4;
    poster->slots = ww_must_calloc((size_t)poster->n_slots, sizeof *poster->slots);
    poster->jitter = (uint64_t)ww_monotonic_us();
    curl_global_init(CURL_GLOBAL_DEFAULT);
    poster->multi = curl_multi_init();
    for (int i = 0; i < poster->n_slots; i++) {
        ww_buf_init(&poster->slots[i].answer, ANSWER_CEILING);
        poster->slots[i].easy = curl_easy_init();
        if (!poster->slots[i].easy || !poster->multi)
            st = ww_error_set(err, WW_NO_MEMORY, "libcurl did not start");
        else
            prepare_easy(poster->slots[i].easy, &poster->slots[i].answer);
    }
    if (st != WW_OK) {
        ww_poster_free(poster);
        return st;
    }
    *out = poster;
    return WW_OK;
}

static void free_job(struct job *job) {
    if (!job)
        return;
    ww_free(job->body);
    ww_free(job->url);
    ww_free(job->content_type);
    ww_free(job);
}

void ww_poster_free(struct ww_poster *poster) {
    if (!poster)
        return;
    for (int i = 0; i < poster->n_slots; i++) {
        struct slot *slot = &poster->slots[i];
        if (slot->busy)
            curl_multi_remove_handle(poster->multi, slot->easy);
        curl_slist_free_all(slot->headers);
        curl_easy_cleanup(slot->easy);
        ww_buf_clear(&slot->answer);
    }
    for (unsigned i = 0; i < WW_POSTER_LANES; i++)
        while (poster->lanes[i].first) {
            struct job *job = poster->lanes[i].first;
            poster->lanes[i].first = job->next;
            free_job(job);
        }
    curl_multi_cleanup(poster->multi);
    ww_free(poster->slots);
    ww_free(poster);
}

enum ww_status ww_poster_send(struct ww_poster *poster, unsigned lane_no, const char *feed,
                              const char *content_type, struct ww_str body, uint64_t mark, ww_post_cb cb,
                              void *arg) {
    assert(lane_no < WW_POSTER_LANES);
    struct lane *lane = &poster->lanes[lane_no];
    struct job *job = ww_try_calloc(1, sizeof *job);
    char *copy = ww_try_malloc(body.len + 1);
    if (!job || !copy) {
        ww_free(job);
        ww_free(copy);
        return WW_NO_MEMORY;
    }
    if (body.len > 0)
        memcpy(copy, body.ptr, body.len);
    *job = (struct job){.body = copy, .len = body.len, .mark = mark, .cb = cb, .arg = arg};
    char url[1024], type[256];
    snprintf(url, sizeof url, "%s/ingest/v1/%s", poster->server, feed);
    snprintf(type, sizeof type, "Content-Type: %s", content_type);
    job->url = ww_must_strdup(url);
    job->content_type = ww_must_strdup(type);
    if (lane->last)
        lane->last->next = job;
    else
        lane->first = job;
    lane->last = job;
    poster->pending++;
    return WW_OK;
}

/* ---- A body goes out ---- */

static void start_job(struct ww_poster *poster, struct slot *slot, unsigned lane_no) {
    struct job *job = poster->lanes[lane_no].first;
    curl_slist_free_all(slot->headers);
    slot->headers = curl_slist_append(NULL, job->content_type);
    slot->headers = curl_slist_append(slot->headers, "Expect:");
    if (poster->authorization[0])
        slot->headers = curl_slist_append(slot->headers, poster->authorization);
    ww_buf_reset(&slot->answer);
    curl_easy_setopt(slot->easy, CURLOPT_URL, job->url);
    curl_easy_setopt(slot->easy, CURLOPT_HTTPHEADER, slot->headers);
    curl_easy_setopt(slot->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)job->len);
    curl_easy_setopt(slot->easy, CURLOPT_POSTFIELDS, job->body);
    slot->lane = lane_no;
    slot->busy = true;
    poster->lanes[lane_no].on_its_way = true;
    curl_multi_add_handle(poster->multi, slot->easy);
}

/* Starts what may start; returns in how many ms something else may, at most 1000. */
static int start_jobs(struct ww_poster *poster) {
    int64_t now_us = ww_monotonic_us();
    int64_t next_us = now_us + 1000000;
    for (unsigned i = 0; i < WW_POSTER_LANES; i++) {
        struct lane *lane = &poster->lanes[i];
        if (!lane->first || lane->on_its_way)
            continue;
        if (lane->first->not_before_us > now_us) {
            next_us = lane->first->not_before_us < next_us ? lane->first->not_before_us : next_us;
            continue;
        }
        for (int s = 0; s < poster->n_slots; s++)
            if (!poster->slots[s].busy) {
                start_job(poster, &poster->slots[s], i);
                break;
            }
    }
    return (int)((next_us - now_us + 999) / 1000);
}

/* ---- An answer comes back ---- */

static void count_answer(struct ww_post_answer *answer) {
    struct ww_arena *arena = ww_arena_new((size_t)16 << 20);
    struct ww_json_node *root = NULL;
    if (arena && ww_json_parse(arena, answer->text, &root, NULL) == WW_OK) {
        const struct {
            const char *key;
            uint64_t *into;
        } counts[] = {{"received", &answer->received},
                      {"stored", &answer->stored},
                      {"corrections", &answer->corrections},
                      {"duplicates", &answer->duplicates},
                      {"dead", &answer->dead}};
        for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
            int64_t n;
            if (ww_json_as_i64(ww_json_get(root, counts[i].key), &n) && n >= 0)
                *counts[i].into = (uint64_t)n;
        }
    }
    ww_arena_free(arena);
}

static void retry_later(struct ww_poster *poster, struct slot *slot, struct job *job) {
    int64_t pause_us = FIRST_PAUSE_US << (job->tries < 7 ? job->tries : 7);
    pause_us = pause_us < LONGEST_PAUSE_US ? pause_us : LONGEST_PAUSE_US;
    poster->jitter = poster->jitter * UINT64_C(6364136223846793005) + 1442695040888963407u;
    pause_us = pause_us / 2 + (int64_t)(poster->jitter >> 33) % (pause_us / 2);
    curl_off_t asked_s = 0;
    curl_easy_getinfo(slot->easy, CURLINFO_RETRY_AFTER, &asked_s);
    if (asked_s > 0 && asked_s < 3600 && asked_s * 1000000 > pause_us)
        pause_us = asked_s * 1000000;
    job->tries++;
    job->not_before_us = ww_monotonic_us() + pause_us;
    poster->totals.retries++;
}

static void finish_job(struct ww_poster *poster, struct slot *slot, struct job *job, long http_status) {
    struct ww_post_answer answer = {
        .http_status = (int)http_status, .text = ww_buf_str(&slot->answer), .mark = job->mark};
    if (http_status == 200) {
        count_answer(&answer);
        poster->totals.bodies++;
        poster->totals.received += answer.received;
        poster->totals.stored += answer.stored;
        poster->totals.corrections += answer.corrections;
        poster->totals.duplicates += answer.duplicates;
        poster->totals.dead += answer.dead;
    } else {
        poster->totals.refused++;
    }
    struct lane *lane = &poster->lanes[slot->lane];
    lane->first = job->next;
    if (!lane->first)
        lane->last = NULL;
    poster->pending--;
    if (job->cb)
        job->cb(job->arg, &answer);
    free_job(job);
}

static void take_answer(struct ww_poster *poster, struct slot *slot, CURLcode result) {
    struct job *job = poster->lanes[slot->lane].first;
    long http_status = 0;
    curl_easy_getinfo(slot->easy, CURLINFO_RESPONSE_CODE, &http_status);
    slot->busy = false;
    poster->lanes[slot->lane].on_its_way = false;
    if (result != CURLE_OK)
        snprintf(poster->totals.last_problem, sizeof poster->totals.last_problem, "%s",
                 curl_easy_strerror(result));
    else if (http_status != 200)
        snprintf(poster->totals.last_problem, sizeof poster->totals.last_problem, "HTTP %ld: %.*s",
                 http_status, (int)(slot->answer.len < 150 ? slot->answer.len : 150),
                 slot->answer.data ? slot->answer.data : "");
    if (result != CURLE_OK || http_status == 429 || http_status == 408 || http_status >= 500)
        retry_later(poster, slot, job);
    else
        finish_job(poster, slot, job, http_status);
}

static void turn(struct ww_poster *poster, int at_most_ms) {
    int wait_ms = start_jobs(poster);
    int running = 0, left = 0;
    curl_multi_perform(poster->multi, &running);
    CURLMsg *message;
    bool any = false;
    while ((message = curl_multi_info_read(poster->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURL *easy = message->easy_handle;
        CURLcode result = message->data.result;
        curl_multi_remove_handle(poster->multi, easy);
        any = true;
        for (int i = 0; i < poster->n_slots; i++)
            if (poster->slots[i].easy == easy)
                take_answer(poster, &poster->slots[i], result);
    }
    if (!any)
        curl_multi_poll(poster->multi, NULL, 0, wait_ms < at_most_ms ? wait_ms : at_most_ms, NULL);
}

void ww_poster_wait(struct ww_poster *poster, unsigned bodies, const volatile sig_atomic_t *stop) {
    while (poster->pending > bodies && !(stop && *stop))
        turn(poster, 200);
}

void ww_poster_work(struct ww_poster *poster, int64_t ms, const volatile sig_atomic_t *stop) {
    int64_t end_us = ww_monotonic_us() + ms * 1000;
    int64_t left_us = ms * 1000;
    for (; left_us > 0 && !(stop && *stop); left_us = end_us - ww_monotonic_us())
        turn(poster, left_us < 200000 ? (int)(left_us / 1000) + 1 : 200);
}

unsigned ww_poster_pending(const struct ww_poster *poster) {
    return poster->pending;
}

const struct ww_post_totals *ww_poster_totals(const struct ww_poster *poster) {
    return &poster->totals;
}

enum ww_status ww_poster_get(struct ww_poster *poster, const char *path, struct ww_buf *out,
                             struct ww_error *err) {
    CURL *easy = curl_easy_init();
    if (!easy)
        return ww_error_set(err, WW_NO_MEMORY, "libcurl did not start");
    struct curl_slist *headers =
        poster->authorization[0] ? curl_slist_append(NULL, poster->authorization) : NULL;
    char url[1024];
    long http_status = 0;
    snprintf(url, sizeof url, "%s%s", poster->server, path);
    prepare_easy(easy, out);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    CURLcode result = curl_easy_perform(easy);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &http_status);
    curl_slist_free_all(headers);
    curl_easy_cleanup(easy);
    if (result != CURLE_OK)
        return ww_error_set(err, WW_UNAVAILABLE, "GET %.150s: %s", url, curl_easy_strerror(result));
    if (http_status != 200)
        return ww_error_set(err, http_status == 404 ? WW_NOT_FOUND : WW_DENIED, "GET %.150s: HTTP %ld", url,
                            http_status);
    return WW_OK;
}
