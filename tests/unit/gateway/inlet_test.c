/* Inlets over a path of our own, which says what we let it say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>

#include "geo/base/alloc.h"
#include "ingest/gateway/inlet.h"

/* ---- The path ---- */

enum { MAX = 256 };
struct pending {
    ww_path_cb cb;
    void *arg;
    char body[8];
};
struct ww_path {
    enum ww_status says; /* to submissions */
    struct pending pending[MAX];
    int n;
    struct ww_path_listener *listener;
};

enum ww_status ww_path_submit(struct ww_path *path, const struct ww_submission *s, ww_path_cb cb, void *arg,
                              struct ww_error *err) {
    assert_true(s->must_keep);
    if (path->says != WW_OK)
        return ww_error_set(err, path->says, "as told");
    assert_true(path->n < MAX);
    struct pending *p = &path->pending[path->n++];
    p->cb = cb;
    p->arg = arg;
    snprintf(p->body, sizeof p->body, "%.*s", WW_STR_ARG(s->body));
    return WW_OK;
}
void ww_path_listen(struct ww_path *path, struct ww_path_listener *listener) {
    path->listener = listener;
}
void ww_path_unlisten(struct ww_path *path, struct ww_path_listener *listener) {
    assert_ptr_equal(path->listener, listener);
    path->listener = NULL;
}

/* Answers the i-th that is pending. */
static void answer(struct ww_path *path, int i, enum ww_status status) {
    struct pending p = path->pending[i];
    memmove(path->pending + i, path->pending + i + 1, (size_t)(--path->n - i) * sizeof p);
    struct ww_receipt receipt = {.stored = 1};
    struct ww_error err;
    ww_error_set(&err, status, "as told");
    p.cb(p.arg, status, status == WW_OK ? &receipt : NULL, &err);
}

/* ---- One device ---- */

struct device {
    struct event_base *base;
    struct ww_path path;
    struct ww_intake *intake;
    struct ww_inlet *inlet;
    char heard[64]; /* tags in the order of their callbacks; capital: refused */
    int rooms;
    bool leave; /* frees its inlet in the first callback */
};

static void on_stored(void *arg, uint64_t tag, enum ww_status status, const struct ww_receipt *receipt,
                      const struct ww_error *err) {
    struct device *d = arg;
    assert_true((receipt != NULL) == (status == WW_OK) && (err != NULL) == (status != WW_OK));
    size_t n = strlen(d->heard);
    d->heard[n] = (char)(status == WW_OK ? 'a' + tag : 'A' + tag);
    d->heard[n + 1] = '\0';
    if (d->leave && d->inlet) {
        ww_inlet_free(d->inlet);
        d->inlet = NULL;
    }
}

static void on_room(void *arg) {
    ((struct device *)arg)->rooms++;
}

static struct device *begin(size_t intake_bytes, uint32_t max_messages) {
    static struct device d;
    d = (struct device){.base = event_base_new()};
    d.intake = ww_intake_new(d.base, &d.path, &(struct ww_intake_options){.max_bytes = intake_bytes});
    struct ww_inlet_options options = {
        .peer = "10.0.0.1", .max_messages = max_messages, .on_room = on_room, .arg = &d};
    d.inlet = ww_inlet_new(d.intake, &options);
    return &d;
}

static void end(struct device *d) {
    ww_inlet_free(d->inlet);
    ww_intake_close(d->intake);
    while (d->path.n > 0)
        answer(&d->path, 0, WW_UNAVAILABLE);
    ww_intake_free(d->intake);
    event_base_free(d->base);
    libevent_global_shutdown();
}

static enum ww_status take(struct device *d, uint64_t tag) {
    char text[2] = {(char)('a' + tag), '\0'};
    struct ww_message message = {WW_STR("feed"), WW_STR("text/plain"), ww_str_of(text), 0};
    struct ww_error err;
    return ww_inlet_take(d->inlet, &message, on_stored, tag, &err);
}

static void turn(struct device *d) {
    event_base_loop(d->base, EVLOOP_NONBLOCK);
}

static void answers_come_in_the_order_of_taking(void **state) {
    (void)state;
    struct device *d = begin(0, 0);
    for (uint64_t tag = 0; tag < 3; tag++)
        assert_int_equal(take(d, tag), WW_OK);
    answer(&d->path, 2, WW_OK);
    answer(&d->path, 1, WW_NOT_FOUND);
    assert_string_equal(d->heard, "");
    answer(&d->path, 0, WW_OK);
    assert_string_equal(d->heard, "aBc");
    end(d);
}

static void what_the_path_could_not_take_is_handed_in_again_in_order(void **state) {
    (void)state;
    struct device *d = begin(0, 0);
    assert_int_equal(take(d, 0), WW_OK);
    assert_int_equal(take(d, 1), WW_OK);
    d->path.says = WW_UNAVAILABLE;
    answer(&d->path, 0, WW_UNAVAILABLE);
    answer(&d->path, 0, WW_UNAVAILABLE);
    assert_int_equal(take(d, 2), WW_OK);
    assert_int_equal(d->path.n, 0);
    d->path.says = WW_OK;
    d->path.listener->on_change(d->path.listener->arg);
    assert_int_equal(d->path.n, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(d->path.pending[i].body[0], 'a' + i);
    for (int i = 0; i < 3; i++)
        answer(&d->path, 0, WW_OK);
    assert_string_equal(d->heard, "abc");
    struct ww_intake_counters c;
    ww_intake_get_counters(d->intake, &c);
    assert_int_equal(c.held_messages, 0);
    assert_int_equal(c.held_bytes, 0);
    assert_int_equal(c.committed, 3);
    assert_int_equal(c.retried, 2);
    end(d);
}

static void a_full_inlet_says_so_and_tells_when_there_is_room(void **state) {
    (void)state;
    struct device *d = begin(0, 4);
    for (uint64_t tag = 0; tag < 4; tag++)
        assert_int_equal(take(d, tag), WW_OK);
    assert_true(ww_inlet_is_full(d->inlet));
    assert_int_equal(take(d, 4), WW_BUSY);
    answer(&d->path, 0, WW_OK);
    turn(d);
    assert_int_equal(d->rooms, 0); /* three of four: not yet */
    answer(&d->path, 0, WW_OK);
    assert_int_equal(d->rooms, 0); /* never from inside */
    turn(d);
    assert_int_equal(d->rooms, 1);
    turn(d);
    assert_int_equal(d->rooms, 1);
    end(d);
}

/* An event that activates itself within a turn would keep the loop from every socket, the database's too. */
static void who_waits_for_room_leaves_the_loop_to_others(void **state) {
    (void)state;
    struct device *d = begin(0, 2);
    d->path.says = WW_UNAVAILABLE;
    assert_int_equal(take(d, 0), WW_OK);
    assert_int_equal(take(d, 1), WW_OK);
    assert_true(ww_inlet_is_full(d->inlet));
    alarm(20); /* ends a turn that never ends */
    d->path.listener->on_change(d->path.listener->arg);
    turn(d);
    alarm(0);
    assert_int_equal(d->rooms, 0);
    d->path.says = WW_OK;
    d->path.listener->on_change(d->path.listener->arg);
    answer(&d->path, 0, WW_OK);
    answer(&d->path, 0, WW_OK);
    turn(d);
    assert_string_equal(d->heard, "ab");
    assert_int_equal(d->rooms, 1);
    end(d);
}

static void all_inlets_together_are_bounded(void **state) {
    (void)state;
    struct device *d = begin(2000, 1000);
    int taken = 0;
    while (taken < 100 && take(d, 0) == WW_OK)
        taken++;
    assert_in_range(taken, 2, 20);
    /* Another sender may still hand in one. */
    struct ww_inlet *other = ww_inlet_new(d->intake, &(struct ww_inlet_options){.peer = "10.0.0.2"});
    struct ww_message message = {WW_STR("feed"), WW_STR(""), WW_STR("x"), 0};
    struct ww_error err;
    assert_int_equal(ww_inlet_take(other, &message, NULL, 0, &err), WW_OK);
    assert_int_equal(ww_inlet_take(other, &message, NULL, 0, &err), WW_BUSY);
    ww_inlet_free(other);
    end(d);
}

static void what_a_device_sent_is_stored_though_it_has_gone(void **state) {
    (void)state;
    struct device *d = begin(0, 0);
    d->path.says = WW_UNAVAILABLE;
    assert_int_equal(take(d, 0), WW_OK);
    ww_inlet_free(d->inlet);
    d->inlet = NULL;
    d->path.says = WW_OK;
    d->path.listener->on_change(d->path.listener->arg);
    assert_int_equal(d->path.n, 1);
    answer(&d->path, 0, WW_OK);
    assert_string_equal(d->heard, "");
    struct ww_intake_counters c;
    ww_intake_get_counters(d->intake, &c);
    assert_int_equal(c.committed, 1);
    assert_int_equal(c.inlets, 0);
    end(d);
}

static void an_inlet_may_be_freed_in_its_own_callback(void **state) {
    (void)state;
    struct device *d = begin(0, 0);
    d->leave = true;
    assert_int_equal(take(d, 0), WW_OK);
    assert_int_equal(take(d, 1), WW_OK);
    answer(&d->path, 1, WW_OK);
    answer(&d->path, 0, WW_OK);
    assert_string_equal(d->heard, "a");
    end(d);
}

static void a_feed_that_is_not_there_refuses_from_the_loop(void **state) {
    (void)state;
    struct device *d = begin(0, 0);
    d->path.says = WW_NOT_FOUND;
    assert_int_equal(take(d, 0), WW_OK);
    assert_string_equal(d->heard, "");
    turn(d);
    assert_string_equal(d->heard, "A");
    end(d);
}

static void without_memory_a_message_is_not_taken_and_none_is_lost_or_doubled(void **state) {
    (void)state;
    for (long n = 1; n <= 4; n++) {
        struct device *d = begin(0, 0);
        int refused = 0;
        ww_alloc_fail_after(n);
        for (uint64_t tag = 0; tag < 3; tag++)
            while (take(d, tag) != WW_OK) /* a session keeps it and comes again when there is room */
                refused++;
        ww_alloc_fail_after(0);
        assert_int_equal(refused, n <= 3);
        for (int i = 0; i < 10 && d->rooms < refused; i++)
            event_base_loop(d->base, EVLOOP_ONCE);
        assert_int_equal(d->rooms, refused); /* told without anything having been released */
        while (d->path.n > 0)
            answer(&d->path, 0, WW_OK);
        assert_string_equal(d->heard, "abc");
        end(d);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_come_in_the_order_of_taking),
        cmocka_unit_test(without_memory_a_message_is_not_taken_and_none_is_lost_or_doubled),
        cmocka_unit_test(what_the_path_could_not_take_is_handed_in_again_in_order),
        cmocka_unit_test(a_full_inlet_says_so_and_tells_when_there_is_room),
        cmocka_unit_test(who_waits_for_room_leaves_the_loop_to_others),
        cmocka_unit_test(all_inlets_together_are_bounded),
        cmocka_unit_test(what_a_device_sent_is_stored_though_it_has_gone),
        cmocka_unit_test(an_inlet_may_be_freed_in_its_own_callback),
        cmocka_unit_test(a_feed_that_is_not_there_refuses_from_the_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
