/* One GET after another over libcurl's multi interface: sockets and timers are libevent's. */
#include "ingest/gateway/pull_fetch.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdio.h>
#include <sys/queue.h>

#include "geo/base/alloc.h"
#include "geo/base/buf.h"
#include "ingest/gateway/pull_url.h"

enum {
    MAX_FETCHES = 64,
    MAX_REDIRECTS = 5,
    FREE_BYTES = 1 << 20,         /* of an answer without a share of the room */
    ROOM_BYTES = 128 << 20,       /* for larger ones, in all */
    MAX_HEADER_BYTES = 256 << 10, /* of one answer */
    MAX_HEADER_VALUE = 8 << 10,
    CONNECT_MS = 10000,
    KEPT_CONNECTIONS = 64
};

enum header { HEADER_ETAG, HEADER_LAST_MODIFIED, HEADER_LINK, HEADER_RETRY_AFTER, N_HEADERS };
static const char *const header_names[N_HEADERS] = {"etag", "last-modified", "link", "retry-after"};

struct ww_fetch {
    struct ww_fetcher *fetcher;
    TAILQ_ENTRY(ww_fetch) entry;
    const struct ww_pull_source *source;
    ww_fetch_cb cb;
    ww_fetch_may_read may_read;
    void *arg;
    CURL *easy;
    struct curl_slist *headers;
    struct ww_buf url, etag, last_modified;
    struct ww_buf body, header[N_HEADERS];
    size_t header_bytes, reserved;
    struct event *deadline;
    int redirects;
    bool is_paused, wants_room, is_answered;
    CURLcode resumed;      /* how going on ended: said from the loop */
    enum ww_status failed; /* found in a callback of libcurl */
    const char *reason;
    char curl_error[CURL_ERROR_SIZE];
};

TAILQ_HEAD(fetch_list, ww_fetch);

struct ww_fetcher {
    struct event_base *base;
    CURLM *multi;
    struct event *timer;
    struct fetch_list all;
    int n;
    size_t reserved;
};

static void finish(struct ww_fetch *fetch, CURLcode code);

/* ---- Sockets and timers ---- */

static void look_for_ends(struct ww_fetcher *fetcher) {
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(fetcher->multi, &left))) {
        struct ww_fetch *fetch = NULL;
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode code = message->data.result; /* the message goes with the handle */
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&fetch);
        finish(fetch, code);
    }
}

static void act(struct ww_fetcher *fetcher, curl_socket_t socket, int flags) {
    int running;
    (void)curl_multi_socket_action(fetcher->multi, socket, flags, &running);
    look_for_ends(fetcher);
}

static void on_socket(evutil_socket_t fd, short what, void *arg) {
    act(arg, fd, (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

static void on_timer(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    act(arg, CURL_SOCKET_TIMEOUT, 0);
}

/* libcurl wants to hear of this socket. Our event for it is libcurl's private pointer. */
static int want_socket(CURL *easy, curl_socket_t socket, int what, void *arg, void *socket_arg) {
    (void)easy;
    struct ww_fetcher *fetcher = arg;
    struct event *event = socket_arg;
    if (event)
        event_free(event);
    event = NULL;
    if (what != CURL_POLL_REMOVE) {
        short kinds = (short)((what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0));
        event = event_new(fetcher->base, socket, (short)(kinds | EV_PERSIST), on_socket, fetcher);
        if (!event || event_add(event, NULL) != 0)
            return -1;
    }
    curl_multi_assign(fetcher->multi, socket, event);
    return 0;
}

static int want_timer(CURLM *multi, long wait_ms, void *arg) {
    (void)multi;
    struct ww_fetcher *fetcher = arg;
    if (wait_ms < 0) {
        evtimer_del(fetcher->timer);
    } else {
        const struct timeval wait = {wait_ms / 1000, wait_ms % 1000 * 1000};
        evtimer_add(fetcher->timer, &wait);
    }
    return 0;
}

/* ---- The common room ---- */

static bool reserve(struct ww_fetch *fetch) {
    struct ww_fetcher *fetcher = fetch->fetcher;
    size_t wanted = fetch->source->max_bytes;
    if (fetch->reserved > 0)
        return true;
    if (fetcher->reserved > 0 && fetcher->reserved + wanted > ROOM_BYTES)
        return false;
    fetch->reserved = wanted;
    fetcher->reserved += wanted;
    return true;
}

static void give_back(struct ww_fetch *fetch) {
    fetch->fetcher->reserved -= fetch->reserved;
    fetch->reserved = 0;
}

static void resume_waiting(struct ww_fetcher *fetcher) {
    struct ww_fetch *fetch;
    TAILQ_FOREACH(fetch, &fetcher->all, entry) {
        if (fetch->wants_room && reserve(fetch)) {
            fetch->wants_room = false;
            event_active(fetch->deadline, EV_WRITE, 0); /* resumed from the loop */
        }
    }
}

/* ---- What comes in ---- */

static void start_clock(struct ww_fetch *fetch) {
    const struct timeval wait = {fetch->source->timeout_s, 0};
    evtimer_add(fetch->deadline, &wait);
}

static size_t pause_reading(struct ww_fetch *fetch) {
    evtimer_del(fetch->deadline);
    fetch->is_paused = true;
    return CURL_WRITEFUNC_PAUSE;
}

static size_t fail_in_callback(struct ww_fetch *fetch, enum ww_status status, const char *reason) {
    fetch->failed = status;
    fetch->reason = reason;
    return 0; /* libcurl ends the transfer */
}

static bool is_wanted(long code) {
    return code == 200 || code == 203;
}

static size_t on_body(char *bytes, size_t one, size_t n, void *arg) {
    struct ww_fetch *fetch = arg;
    long code = 0;
    n *= one;
    curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &code);
    if (fetch->body.len + n > fetch->source->max_bytes)
        return fail_in_callback(fetch, WW_TOO_LARGE, "the answer is larger than pull.max_bytes");
    if (!fetch->may_read(fetch->arg))
        return pause_reading(fetch);
    if (!is_wanted(code)) {
        fetch->header_bytes += n; /* an error page: read to keep the connection, not kept */
        return fetch->header_bytes <= MAX_HEADER_BYTES
                   ? n
                   : fail_in_callback(fetch, WW_TOO_LARGE, "an endless answer to a refused request");
    }
    if (fetch->body.len + n > FREE_BYTES && !reserve(fetch)) {
        fetch->wants_room = true;
        return pause_reading(fetch);
    }
    ww_buf_add(&fetch->body, bytes, n);
    if (ww_buf_status(&fetch->body) != WW_OK)
        return fail_in_callback(fetch, WW_UNAVAILABLE, "no memory for the answer");
    return n;
}

static void clear_headers(struct ww_fetch *fetch) {
    for (int i = 0; i < N_HEADERS; i++)
        ww_buf_reset(&fetch->header[i]);
}

static void note_header(struct ww_fetch *fetch, struct ww_str line) {
    const char *colon = memchr(line.ptr, ':', line.len);
    if (!colon)
        return;
    struct ww_str name = {line.ptr, (size_t)(colon - line.ptr)};
    struct ww_str value = ww_str_trim((struct ww_str){colon + 1, line.len - name.len - 1});
    for (int i = 0; i < N_HEADERS; i++) {
        struct ww_buf *out = &fetch->header[i];
        if (!ww_str_eq_nocase(name, ww_str_of(header_names[i])))
            continue;
        if (i == HEADER_LINK && out->len > 0)
            ww_buf_text(out, ", ");
        else
            ww_buf_reset(out);
        ww_buf_str_add(out, value);
        if (ww_buf_status(out) != WW_OK)
            ww_buf_clear(out); /* too long to be true */
    }
}

static size_t on_header(char *bytes, size_t one, size_t n, void *arg) {
    struct ww_fetch *fetch = arg;
    struct ww_str line = {bytes, n * one};
    fetch->header_bytes += line.len;
    if (fetch->header_bytes > MAX_HEADER_BYTES)
        return fail_in_callback(fetch, WW_TOO_LARGE, "the answer's headers are endless");
    if (ww_str_starts(line, WW_STR("HTTP/")))
        clear_headers(fetch); /* of a 100 before it */
    else
        note_header(fetch, line);
    return line.len;
}

/* ---- Asking ---- */

static bool add_header(struct ww_fetch *fetch, struct ww_str name, struct ww_str value) {
    struct ww_buf line;
    ww_buf_init(&line, 2 * MAX_HEADER_VALUE);
    ww_buf_printf(&line, "%.*s: %.*s", WW_STR_ARG(name), WW_STR_ARG(value));
    struct curl_slist *grown =
        ww_buf_status(&line) == WW_OK ? curl_slist_append(fetch->headers, line.data) : NULL;
    ww_buf_clear(&line);
    if (grown)
        fetch->headers = grown;
    return grown != NULL;
}

/* The feed's own headers and password go to its own server only. */
static bool add_headers(struct ww_fetch *fetch) {
    const struct ww_pull_source *source = fetch->source;
    bool ok = true, is_home = ww_pull_url_is_home(source->url.ptr, fetch->url.data);
    curl_slist_free_all(fetch->headers);
    fetch->headers = NULL;
    for (uint32_t i = 0; i < source->n_headers && is_home && ok; i++)
        ok = add_header(fetch, source->headers[i].name, source->headers[i].value);
    if (ok && fetch->etag.len > 0)
        ok = add_header(fetch, WW_STR("If-None-Match"), ww_buf_str(&fetch->etag));
    if (ok && fetch->last_modified.len > 0)
        ok = add_header(fetch, WW_STR("If-Modified-Since"), ww_buf_str(&fetch->last_modified));
    if (!ok)
        return false;
    curl_easy_setopt(fetch->easy, CURLOPT_HTTPHEADER, fetch->headers);
    bool login = source->has_username && is_home;
    return curl_easy_setopt(fetch->easy, CURLOPT_USERNAME, login ? source->username.ptr : NULL) == CURLE_OK &&
           curl_easy_setopt(fetch->easy, CURLOPT_PASSWORD, login ? source->password.ptr : NULL) == CURLE_OK;
}

static void set_limits(struct ww_fetch *fetch) {
    CURL *easy = fetch->easy;
    const struct ww_pull_source *source = fetch->source;
    long timeout_ms = source->timeout_s * 1000L;
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* don't wait for a resolver's thread */
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms < CONNECT_MS ? timeout_ms : CONNECT_MS);
    curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)source->max_bytes);
    curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    /* HTTP/2 in libcurl keeps up to a window of 32 MiB of a stream that is paused. */
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    if (source->ca_file.len > 0) { /* and nobody else */
        curl_easy_setopt(easy, CURLOPT_CAINFO, source->ca_file.ptr);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }
}

static void set_callbacks(struct ww_fetch *fetch) {
    CURL *easy = fetch->easy;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, fetch);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, fetch->curl_error);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, fetch);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, fetch);
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "wardwatch/" WW_VERSION);
}

/* Hands the handle, at its present address, to libcurl. */
static bool ask(struct ww_fetch *fetch) {
    ww_buf_reset(&fetch->body);
    clear_headers(fetch);
    fetch->header_bytes = 0;
    fetch->curl_error[0] = '\0';
    return add_headers(fetch) && curl_easy_setopt(fetch->easy, CURLOPT_URL, fetch->url.data) == CURLE_OK &&
           curl_multi_add_handle(fetch->fetcher->multi, fetch->easy) == CURLM_OK;
}

/* ---- Ends ---- */

/* The handle must be out of the multi. */
static void free_fetch(struct ww_fetch *fetch) {
    struct ww_fetcher *fetcher = fetch->fetcher;
    give_back(fetch);
    TAILQ_REMOVE(&fetcher->all, fetch, entry);
    fetcher->n -= !fetch->is_answered;
    if (fetch->deadline)
        event_free(fetch->deadline);
    if (fetch->easy)
        curl_easy_cleanup(fetch->easy);
    curl_slist_free_all(fetch->headers);
    ww_buf_clear(&fetch->url);
    ww_buf_clear(&fetch->etag);
    ww_buf_clear(&fetch->last_modified);
    ww_buf_clear(&fetch->body);
    for (int i = 0; i < N_HEADERS; i++)
        ww_buf_clear(&fetch->header[i]);
    ww_free(fetch);
    resume_waiting(fetcher);
}

static void answer(struct ww_fetch *fetch, enum ww_status status, const char *reason) {
    char *type = NULL;
    struct ww_fetch_answer a = {.status = status,
                                .reason = reason,
                                .url = fetch->url.data,
                                .etag = ww_buf_str(&fetch->header[HEADER_ETAG]),
                                .last_modified = ww_buf_str(&fetch->header[HEADER_LAST_MODIFIED]),
                                .link = ww_buf_str(&fetch->header[HEADER_LINK]),
                                .retry_after = ww_buf_str(&fetch->header[HEADER_RETRY_AFTER])};
    curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &a.code);
    curl_easy_getinfo(fetch->easy, CURLINFO_CONTENT_TYPE, &type);
    a.content_type = ww_str_of(type);
    a.body = ww_buf_str(&fetch->body);
    fetch->is_answered = true;
    fetch->fetcher->n--; /* the callback may begin the next one */
    fetch->cb(fetch->arg, &a);
    free_fetch(fetch);
}

/* The next address of a redirect is in `url`; NULL, or why it isn't followed. */
static const char *follow(struct ww_fetch *fetch, const char *target) {
    struct ww_buf next;
    const char *why = NULL;
    ww_buf_init(&next, fetch->url.ceiling);
    if (fetch->redirects++ == MAX_REDIRECTS)
        why = "too many redirects";
    else if (ww_pull_url_join(fetch->url.data, ww_str_of(target), &next, NULL) != WW_OK)
        why = "a redirect to what is neither http nor https";
    else if (ww_pull_url_is_tls(fetch->url.data) && !ww_pull_url_is_tls(next.data))
        why = "a redirect from https to http";
    if (why) {
        ww_buf_clear(&next);
        return why;
    }
    ww_buf_clear(&fetch->url);
    fetch->url = next;
    return ask(fetch) ? NULL : "no memory to follow a redirect";
}

/* libcurl's own words name a host at most. */
static const char *words_of(const struct ww_fetch *fetch, CURLcode code) {
    return fetch->curl_error[0] ? fetch->curl_error : curl_easy_strerror(code);
}

static void finish(struct ww_fetch *fetch, CURLcode code) {
    char *target = NULL;
    curl_multi_remove_handle(fetch->fetcher->multi, fetch->easy);
    curl_easy_getinfo(fetch->easy, CURLINFO_REDIRECT_URL, &target);
    if (fetch->failed != WW_OK) {
        answer(fetch, fetch->failed, fetch->reason);
    } else if (code == CURLE_FILESIZE_EXCEEDED) {
        answer(fetch, WW_TOO_LARGE, "the answer is larger than pull.max_bytes");
    } else if (code != CURLE_OK) {
        answer(fetch, WW_UNAVAILABLE, words_of(fetch, code));
    } else if (target) {
        const char *why = follow(fetch, target);
        if (why)
            answer(fetch, WW_BAD_INPUT, why);
    } else {
        answer(fetch, WW_OK, NULL);
    }
}

static void on_deadline(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    struct ww_fetch *fetch = arg;
    if (what & EV_READ) {
        finish(fetch, fetch->resumed);
        return;
    }
    if (what & EV_WRITE) {
        ww_fetch_resume(fetch);
        return;
    }
    curl_multi_remove_handle(fetch->fetcher->multi, fetch->easy);
    answer(fetch, WW_UNAVAILABLE, "no whole answer within pull.timeout_s");
}

/* ---- Life ---- */

static struct ww_fetch *new_fetch(struct ww_fetcher *fetcher, const struct ww_fetch_request *request) {
    struct ww_fetch *fetch = ww_try_calloc(1, sizeof *fetch);
    if (!fetch)
        return NULL;
    fetch->fetcher = fetcher;
    fetch->source = request->source;
    TAILQ_INSERT_TAIL(&fetcher->all, fetch, entry);
    fetcher->n++;
    ww_buf_init(&fetch->url, 16 << 10);
    ww_buf_init(&fetch->etag, MAX_HEADER_VALUE);
    ww_buf_init(&fetch->last_modified, MAX_HEADER_VALUE);
    ww_buf_init(&fetch->body, request->source->max_bytes + 1);
    for (int i = 0; i < N_HEADERS; i++)
        ww_buf_init(&fetch->header[i], MAX_HEADER_VALUE);
    ww_buf_text(&fetch->url, request->url);
    ww_buf_str_add(&fetch->etag, request->etag);
    ww_buf_str_add(&fetch->last_modified, request->last_modified);
    fetch->deadline = evtimer_new(fetcher->base, on_deadline, fetch);
    fetch->easy = curl_easy_init();
    return fetch;
}

enum ww_status ww_fetch_start(struct ww_fetcher *fetcher, const struct ww_fetch_request *request,
                              ww_fetch_cb cb, ww_fetch_may_read may_read, void *arg, struct ww_fetch **out,
                              struct ww_error *err) {
    struct ww_fetch *fetch = ww_fetcher_is_full(fetcher) ? NULL : new_fetch(fetcher, request);
    if (!fetch)
        return ww_error_set(err, WW_BUSY, "no room for another fetch");
    fetch->cb = cb;
    fetch->may_read = may_read;
    fetch->arg = arg;
    bool ok = fetch->deadline && fetch->easy && ww_buf_status(&fetch->url) == WW_OK &&
              ww_buf_status(&fetch->etag) == WW_OK && ww_buf_status(&fetch->last_modified) == WW_OK;
    if (ok) {
        set_limits(fetch);
        set_callbacks(fetch);
        ok = ask(fetch);
    }
    if (!ok) {
        free_fetch(fetch);
        return ww_error_set(err, WW_NO_MEMORY, "no memory for a fetch");
    }
    start_clock(fetch);
    *out = fetch;
    return WW_OK;
}

void ww_fetch_resume(struct ww_fetch *fetch) {
    if (!fetch->is_paused || fetch->wants_room)
        return;
    fetch->is_paused = false;
    start_clock(fetch);
    fetch->resumed = curl_easy_pause(fetch->easy, CURLPAUSE_CONT); /* takes what libcurl holds already */
    if (fetch->resumed != CURLE_OK)
        event_active(fetch->deadline, EV_READ, 0);
}

void ww_fetch_cancel(struct ww_fetch *fetch) {
    curl_multi_remove_handle(fetch->fetcher->multi, fetch->easy);
    free_fetch(fetch);
}

bool ww_fetcher_is_full(const struct ww_fetcher *fetcher) {
    return fetcher->n >= MAX_FETCHES;
}

struct ww_fetcher *ww_fetcher_new(struct event_base *base) {
    struct ww_fetcher *fetcher = ww_must_calloc(1, sizeof *fetcher);
    CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
    assert(code == CURLE_OK);
    const curl_version_info_data *about = curl_version_info(CURLVERSION_NOW);
    assert(about->features & CURL_VERSION_ASYNCHDNS); /* else each name would stop the loop */
    fetcher->base = base;
    TAILQ_INIT(&fetcher->all);
    fetcher->timer = evtimer_new(base, on_timer, fetcher);
    fetcher->multi = curl_multi_init();
    assert(fetcher->timer && fetcher->multi);
    curl_multi_setopt(fetcher->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
    curl_multi_setopt(fetcher->multi, CURLMOPT_SOCKETDATA, fetcher);
    curl_multi_setopt(fetcher->multi, CURLMOPT_TIMERFUNCTION, want_timer);
    curl_multi_setopt(fetcher->multi, CURLMOPT_TIMERDATA, fetcher);
    curl_multi_setopt(fetcher->multi, CURLMOPT_MAXCONNECTS, (long)KEPT_CONNECTIONS);
    return fetcher;
}

void ww_fetcher_free(struct ww_fetcher *fetcher) {
    if (!fetcher)
        return;
    struct ww_fetch *fetch;
    while ((fetch = TAILQ_FIRST(&fetcher->all)))
        ww_fetch_cancel(fetch);
    curl_multi_cleanup(fetcher->multi); /* closes kept connections: still tells of their sockets */
    event_free(fetcher->timer);
    ww_free(fetcher);
    curl_global_cleanup();
}
