/*
 * The C ABI from a C program that uses nothing else: a host in a hundred
 * lines, then the life of an installation as nginx would drive it.
 */

#define _GNU_SOURCE              /* mkdtemp(), MAP_ANONYMOUS */

#include "keystone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>


/* A host with one thread of its own. */

typedef struct job_s  job_t;

struct job_s {
    void  (*run)(void *job);
    void  (*done)(void *job);
    void   *job;
    job_t  *next;
};

typedef struct {
    ks_host_t        table;
    pthread_t        thread;
    pthread_mutex_t  lock;
    pthread_cond_t   changed;
    job_t           *todo;
    job_t           *finished;
    int              stop;
    int              posted;
    int64_t          alarm[2];
    char             worst[512];         /* text of the worst line logged */
    int              worst_level;
} host_t;


static int64_t
clock_ms(clockid_t id)
{
    struct timespec  t;

    clock_gettime(id, &t);

    return (int64_t) t.tv_sec * 1000 + t.tv_nsec / 1000000;
}


static int64_t
host_monotonic(void *data)
{
    (void) data;

    return clock_ms(CLOCK_MONOTONIC);
}


static int64_t
host_wall(void *data)
{
    (void) data;

    return clock_ms(CLOCK_REALTIME);
}


static void
host_log(void *data, int level, const char *text, size_t len)
{
    host_t  *h = data;

    if (level < h->worst_level) {
        h->worst_level = level;
        snprintf(h->worst, sizeof(h->worst), "%.*s", (int) len, text);
    }
}


static void
host_alarm(void *data, int holds, int64_t at)
{
    ((host_t *) data)->alarm[holds ? 1 : 0] = at;
}


static void
host_post(void *data)
{
    ((host_t *) data)->posted = 1;
}


static int
host_fd_watch(void *data, int fd, unsigned interest, void *token, void **watch)
{
    (void) data;
    (void) fd;
    (void) interest;
    (void) token;
    (void) watch;

    return KS_ERROR;                     /* nothing here uses descriptors */
}


static void
host_fd_update(void *data, void *watch, unsigned interest)
{
    (void) data;
    (void) watch;
    (void) interest;
}


static void
host_fd_unwatch(void *data, void *watch)
{
    (void) data;
    (void) watch;
}


static int
host_offload(void *data, int pool, void (*run)(void *), void (*done)(void *),
    void *work)
{
    host_t  *h = data;
    job_t   *job, **last;

    (void) pool;

    job = malloc(sizeof(job_t));
    if (job == NULL) {
        return KS_ERROR;
    }

    job->run = run;
    job->done = done;
    job->job = work;
    job->next = NULL;

    pthread_mutex_lock(&h->lock);
    if (h->stop) {
        pthread_mutex_unlock(&h->lock);
        free(job);
        return KS_ERROR;
    }
    for (last = &h->todo; *last != NULL; last = &(*last)->next) { /* void */ }
    *last = job;
    pthread_cond_broadcast(&h->changed);
    pthread_mutex_unlock(&h->lock);

    return KS_OK;
}


static int
host_entropy(void *data, void *bytes, size_t len)
{
    (void) data;

    return getrandom(bytes, len, 0) == (ssize_t) len ? KS_OK : KS_ERROR;
}


static void *
host_thread(void *data)
{
    host_t  *h = data;
    job_t   *job, **last;

    pthread_mutex_lock(&h->lock);

    for ( ;; ) {
        while (h->todo == NULL && !h->stop) {
            pthread_cond_wait(&h->changed, &h->lock);
        }

        if (h->todo == NULL) {
            break;
        }

        job = h->todo;
        h->todo = job->next;
        job->next = NULL;

        pthread_mutex_unlock(&h->lock);
        job->run(job->job);
        pthread_mutex_lock(&h->lock);

        for (last = &h->finished; *last != NULL; last = &(*last)->next) {
            /* void */
        }
        *last = job;
        pthread_cond_broadcast(&h->changed);
    }

    pthread_mutex_unlock(&h->lock);

    return NULL;
}


/* One turn of the loop: waits for a thread or an alarm, a second at most. */

static void
host_turn(host_t *h, ks_worker_t *w)
{
    int              i;
    job_t           *job;
    int64_t          until;
    struct timespec  t;

    until = clock_ms(CLOCK_MONOTONIC) + 1000;
    for (i = 0; i < 2; i++) {
        if (h->alarm[i] >= 0 && h->alarm[i] < until) {
            until = h->alarm[i];
        }
    }

    pthread_mutex_lock(&h->lock);
    while (h->finished == NULL && !h->posted
           && clock_ms(CLOCK_MONOTONIC) < until)
    {
        clock_gettime(CLOCK_REALTIME, &t);
        t.tv_nsec += 5000000;
        if (t.tv_nsec >= 1000000000) {
            t.tv_sec++;
            t.tv_nsec -= 1000000000;
        }
        pthread_cond_timedwait(&h->changed, &h->lock, &t);
    }
    job = h->finished;
    h->finished = NULL;
    pthread_mutex_unlock(&h->lock);

    while (job != NULL) {
        job_t  *next = job->next;

        job->done(job->job);
        free(job);
        job = next;
    }

    h->posted = 0;
    ks_worker_run(w);
}


static void
host_init(host_t *h)
{
    memset(h, 0, sizeof(*h));
    h->table = (ks_host_t) {
        .size = sizeof(ks_host_t),
        .data = h,
        .monotonic_ms = host_monotonic,
        .wall_ms = host_wall,
        .log = host_log,
        .alarm = host_alarm,
        .post = host_post,
        .fd_watch = host_fd_watch,
        .fd_update = host_fd_update,
        .fd_unwatch = host_fd_unwatch,
        .offload = host_offload,
        .entropy = host_entropy,
    };
    h->alarm[0] = h->alarm[1] = -1;
    h->worst_level = KS_LOG_DEBUG + 1;
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->changed, NULL);
    pthread_create(&h->thread, NULL, host_thread, h);
}


/* The threads end, and what they did is handed back to the worker. */

static void
host_stop(host_t *h)
{
    job_t  *job;

    pthread_mutex_lock(&h->lock);
    h->stop = 1;
    pthread_cond_broadcast(&h->changed);
    pthread_mutex_unlock(&h->lock);
    pthread_join(h->thread, NULL);
    while (h->finished != NULL) {
        job = h->finished;
        h->finished = job->next;
        job->done(job->job);
        free(job);
    }
}


static void
host_free(host_t *h)
{
    pthread_mutex_destroy(&h->lock);
    pthread_cond_destroy(&h->changed);
}


/* An installation in a directory of its own. */

enum { ZONE_SIZE = 8 * 1024 * 1024 };

typedef struct {
    host_t        host;
    ks_worker_t  *worker;
    void         *zone;
    char          dir[64];
    char          store[128];
} world_t;

static const unsigned char  zone_key[16] = "0123456789abcdef";


static ks_str_t
s(const char *text)
{
    return (ks_str_t) { text, strlen(text) };
}


static int
world_open(void **state)
{
    world_t      *w;
    ks_config_t  *cf;
    char          err[256] = "";
    ks_str_t      store[2], secret[2];

    w = calloc(1, sizeof(*w));
    assert_non_null(w);
    strcpy(w->dir, "/tmp/ks-abi-test-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    snprintf(w->store, sizeof(w->store), "sqlite:%s/k.db", w->dir);
    host_init(&w->host);

    w->zone = mmap(NULL, ZONE_SIZE, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(w->zone, MAP_FAILED);
    assert_int_equal(ks_zone_init(w->zone, ZONE_SIZE, zone_key, err,
                                  sizeof(err)),
                     KS_OK);

    cf = ks_config_create();
    store[0] = s("store");
    store[1] = s(w->store);
    secret[0] = s("jwt_secret");
    secret[1] = s("a secret of the test, long enough for HS256");
    assert_int_equal(ks_config_directive(cf, store, 2, err, sizeof(err)),
                     KS_OK);
    assert_int_equal(ks_config_directive(cf, secret, 2, err, sizeof(err)),
                     KS_OK);
    assert_int_equal(ks_config_finish(cf, err, sizeof(err)), KS_OK);

    w->worker = ks_worker_create(cf, &w->host.table, w->zone, err,
                                 sizeof(err));
    ks_config_free(cf);
    assert_string_equal(err, "");
    assert_non_null(w->worker);
    ks_worker_start(w->worker);
    *state = w;

    return 0;
}


static int
world_close(void **state)
{
    world_t  *w = *state;
    char      path[160];

    host_stop(&w->host);
    ks_worker_destroy(w->worker);
    host_free(&w->host);
    munmap(w->zone, ZONE_SIZE);

    static const char *const  files[] = { "k.db", "k.db-wal", "k.db-shm" };

    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s/%s", w->dir, files[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(w->dir), 0);
    free(w);

    return 0;
}


/* A request as nginx would drive it. */

static void
wake(void *cookie)
{
    *(int *) cookie = 1;
}


static ks_http_t *
request(world_t *w, ks_room_t room, const char *method, const char *uri,
    const char *bearer, const char *body, int *rc)
{
    int                woken = 0;
    char               authorization[1200];
    size_t             n = 0;
    ks_http_t         *http;
    ks_header_t        headers[2];
    ks_http_request_t  rq;

    memset(&rq, 0, sizeof(rq));
    rq.size = sizeof(rq);
    rq.room = room;
    rq.method = s(method);
    rq.uri = s(uri);
    rq.prefix_len = room == KS_ROOM_RTC ? strlen("/rtc/v1/")
                    : room == KS_ROOM_HLS ? strlen("/live/") : 0;
    rq.query = s("");
    rq.client_ip = s("192.0.2.1");
    rq.scheme = s("http");
    rq.body_len = body != NULL ? (int64_t) strlen(body) : 0;
    if (bearer != NULL) {
        snprintf(authorization, sizeof(authorization), "Bearer %s", bearer);
        headers[n].name = s("Authorization");
        headers[n++].value = s(authorization);
    }
    if (body != NULL) {
        headers[n].name = s("Content-Type");
        headers[n++].value = s("application/json");
    }
    rq.headers = headers;
    rq.nheaders = n;

    *rc = ks_http_start(w->worker, &rq, wake, &woken, &http);
    if (*rc == KS_BODY) {
        *rc = ks_http_body(http, s(body != NULL ? body : ""));
    }
    if (*rc == KS_AGAIN) {
        for (int turn = 0; !woken && turn < 20000; turn++) {
            host_turn(&w->host, w->worker);
        }
        assert_true(woken);
        *rc = ks_http_state(http);
    }

    return http;
}


static unsigned
call(world_t *w, const char *method, const char *uri, const char *bearer,
    const char *body, char *out, size_t len)
{
    int                      rc;
    unsigned                 status;
    ks_http_t               *http;
    const ks_http_answer_t  *answer;

    http = request(w, KS_ROOM_API, method, uri, bearer, body, &rc);
    assert_int_equal(rc, KS_ANSWER);
    answer = ks_http_answer(http);
    snprintf(out, len, "%.*s", (int) answer->body.len, answer->body.data);
    status = answer->status;
    ks_http_done(http, status, (int64_t) answer->body_len);
    ks_http_free(http);

    return status;
}


/* The text of a JSON member; good enough for our own answers. */

static void
member(const char *json, const char *name, char *out, size_t len)
{
    char         key[64];
    const char  *at, *end;

    snprintf(key, sizeof(key), "\"%s\":\"", name);
    at = strstr(json, key);
    assert_non_null(at);
    at += strlen(key);
    end = strchr(at, '"');
    assert_non_null(end);
    snprintf(out, len, "%.*s", (int) (end - at), at);
}


static int
publish(world_t *w, const char *name, const char *args, int *woken,
    ks_kick_pt kick, ks_rtmp_t **rtmp)
{
    int                rc;
    ks_rtmp_request_t  rq;

    memset(&rq, 0, sizeof(rq));
    rq.size = sizeof(rq);
    rq.action = KS_PUBLISH;
    rq.app = s("live");
    rq.name = s(name);
    rq.args = s(args);
    rq.client_ip = s("192.0.2.7");
    rq.user_agent = s("FMLE/3.0");
    *woken = 0;
    rc = ks_rtmp_start(w->worker, &rq, wake, kick, woken, rtmp);
    for (int turn = 0; rc == KS_AGAIN && !*woken && turn < 20000; turn++) {
        host_turn(&w->host, w->worker);
    }

    return rc == KS_AGAIN ? ks_rtmp_state(*rtmp) : rc;
}


static void
kicked(void *cookie, ks_str_t reason)
{
    *(int *) cookie = reason.len == strlen("disabled")
                      && memcmp(reason.data, "disabled", reason.len) == 0
                      ? 2 : 3;
}


static void
an_installation_from_the_first_user_to_the_kick(void **state)
{
    int         rc, woken;
    char        out[8192], token[1024], id[64], key[64], uri[128];
    world_t    *w = *state;
    ks_rtmp_t  *rtmp, *second;
    ks_http_t  *http;
    ks_rtmp_relay_t  relay;

    assert_int_equal(call(w, "POST", "/api/v1/auth/register", NULL,
                          "{\"email\":\"a@example.org\","
                          "\"password\":\"correct horse\"}",
                          out, sizeof(out)),
                     201);
    member(out, "access_token", token, sizeof(token));

    assert_int_equal(call(w, "POST", "/api/v1/streams", token,
                          "{\"title\":\"Demo\",\"visibility\":\"public\"}",
                          out, sizeof(out)),
                     201);
    member(out, "id", id, sizeof(id));
    member(out, "stream_key", key, sizeof(key));
    snprintf(uri, sizeof(uri), "/api/v1/streams/%s/status", id);

    /* HLS of a stream that is not live: 404 */
    snprintf(out, sizeof(out), "/live/%s.m3u8", id);
    http = request(w, KS_ROOM_HLS, "GET", out, NULL, NULL, &rc);
    assert_int_equal(rc, KS_ANSWER);
    assert_int_equal(ks_http_answer(http)->status, 404);
    ks_http_free(http);

    /* a stranger, then the owner's encoder */
    rc = publish(w, id, "key=ks_pub_wrong", &woken, kicked, &rtmp);
    assert_int_equal(rc, KS_ANSWER);
    assert_int_equal(ks_rtmp_refusal(rtmp)->code.len,
                     strlen("NetStream.Publish.BadName"));
    ks_rtmp_free(rtmp);

    rc = publish(w, key, "", &woken, kicked, &rtmp);
    assert_int_equal(rc, KS_PASS);
    assert_int_equal(ks_rtmp_pass(rtmp)->stream.len, strlen(id));
    assert_memory_equal(ks_rtmp_pass(rtmp)->stream.data, id, strlen(id));
    assert_int_equal(call(w, "GET", uri, NULL, NULL, out, sizeof(out)), 200);
    assert_non_null(strstr(out, "\"connecting\""));
    assert_int_equal(ks_rtmp_relay(rtmp, &relay), KS_AGAIN);
    ks_rtmp_media(rtmp, 1000, 0);
    assert_int_equal(call(w, "GET", uri, NULL, NULL, out, sizeof(out)), 200);
    assert_non_null(strstr(out, "\"active\""));

    /* now a player gets in */
    snprintf(out, sizeof(out), "/live/%s.m3u8", id);
    http = request(w, KS_ROOM_HLS, "GET", out, NULL, NULL, &rc);
    assert_int_equal(rc, KS_PASS);
    ks_http_free(http);

    /* disable: the encoder is kicked, and not let in again */
    woken = 0;
    snprintf(uri, sizeof(uri), "/api/v1/streams/%s/disable", id);
    assert_int_equal(call(w, "POST", uri, token, NULL, out, sizeof(out)), 200);
    for (int turn = 0; woken == 0 && turn < 20000; turn++) {
        host_turn(&w->host, w->worker);
    }
    assert_int_equal(woken, 2);
    ks_rtmp_free(rtmp);

    rc = publish(w, key, "", &woken, kicked, &second);
    assert_int_equal(rc, KS_ANSWER);
    ks_rtmp_free(second);

    assert_in_range(w->host.worst_level, KS_LOG_NOTICE, KS_LOG_DEBUG + 1);
}


static void
what_waits_may_be_freed(void **state)
{
    int                woken = 0;
    world_t           *w = *state;
    ks_http_t         *http;
    ks_header_t        type = { s("content-type"), s("application/json") };
    ks_http_request_t  rq;

    memset(&rq, 0, sizeof(rq));
    rq.size = sizeof(rq);
    rq.method = s("POST");
    rq.uri = s("/v1/auth/register");
    rq.query = s("");
    rq.client_ip = s("192.0.2.1");
    rq.scheme = s("http");
    rq.headers = &type;
    rq.nheaders = 1;
    rq.body_len = 60;

    assert_int_equal(ks_http_start(w->worker, &rq, wake, &woken, &http),
                     KS_BODY);
    assert_int_equal(ks_http_body(http, s("{\"email\":\"b@example.org\","
                                          "\"password\":\"correct horse\"}")),
                     KS_AGAIN);
    ks_http_free(http);          /* the client went */

    for (int turn = 0; turn < 50; turn++) {
        host_turn(&w->host, w->worker);
    }
    assert_int_equal(woken, 0);
}


static void
nodes_are_told_as_written(void **state)
{
    char          err[256];
    ks_node_t     node;
    ks_config_t  *cf;
    ks_str_t      words[] = { s("srs_node"), s("srs_a"),
                              s("api=127.0.0.1:1985"),
                              s("rtmp=media.example.org:1935") };

    (void) state;
    cf = ks_config_create();
    assert_int_equal(ks_config_node(cf, 0, &node), KS_ERROR);
    assert_int_equal(ks_config_directive(cf, words, 4, err, sizeof(err)),
                     KS_OK);
    words[1] = s("srs_b");
    assert_int_equal(ks_config_directive(cf, words, 3, err, sizeof(err)),
                     KS_OK);

    assert_int_equal(ks_config_node(cf, 0, &node), KS_OK);
    assert_int_equal(node.name.len, strlen("srs_a"));
    assert_memory_equal(node.name.data, "srs_a", node.name.len);
    assert_int_equal(node.rtmp.len, strlen("media.example.org:1935"));
    assert_memory_equal(node.rtmp.data, "media.example.org:1935",
                        node.rtmp.len);
    assert_int_equal(ks_config_node(cf, 1, &node), KS_OK);
    assert_int_equal(node.rtmp.len, 0);
    assert_int_equal(ks_config_node(cf, 2, &node), KS_ERROR);
    ks_config_free(cf);
}


static void
bad_configuration_says_why(void **state)
{
    char          err[256];
    ks_str_t      words[2];
    ks_config_t  *cf;

    (void) state;

    cf = ks_config_create();
    words[0] = s("jwt_secret");
    words[1] = s("short");
    assert_int_equal(ks_config_directive(cf, words, 2, err, sizeof(err)),
                     KS_ERROR);
    assert_non_null(strstr(err, "openssl rand"));
    assert_int_equal(ks_config_directive(cf, words, 2, err, 8), KS_ERROR);
    assert_int_equal(strlen(err), 7);
    assert_int_equal(ks_config_finish(cf, err, sizeof(err)), KS_ERROR);
    ks_config_free(cf);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(
            an_installation_from_the_first_user_to_the_kick, world_open,
            world_close),
        cmocka_unit_test_setup_teardown(what_waits_may_be_freed, world_open,
                                        world_close),
        cmocka_unit_test(nodes_are_told_as_written),
        cmocka_unit_test(bad_configuration_says_why),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
