/*
 * RTMP clients by the hundred, for tests and benchmarks.
 *
 *   rtmp_driver publish|play --url URL --name TEMPLATE|--names FILE [options]
 *   rtmp_driver bench        --url URL --name TEMPLATE|--names FILE [options]
 *
 * publish and play open --count connections at once and print one JSON line
 * for each when it has ended, then a summary. bench keeps --clients busy with
 * connect, publish, disconnect for --seconds. Names are never printed: they
 * carry keys.
 */
#include "report.h"
#include "rtmp_conn.h"
#include "rtmp_media.h"
#include "rtmp_options.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FRAME_MS = 40, KEY_EVERY = 50 };

typedef struct {
    size_t index;
    int fd; /* -1: not connected */
    Conn conn;
    char *name;
    bool connecting;
    bool want_write;
    bool judged; /* the server's verdict is in */
    bool done;
    uint64_t started, live_at;
    uint64_t frames, audio_frames;
    double verdict_ms;
    const char *outcome;
} Client;

static Client *clients;
static int epoll_fd;
static size_t finished, turns, accepted, refused, closed, timed_out,
    ended_early;
static Samples latencies;
static uint64_t run_start;
static volatile sig_atomic_t interrupted;
static Buf video_header, audio_header, audio_frame;

static char *make_name(size_t client, size_t turn) {
    char *out = NULL;
    size_t size = 0;
    if (opt.names)
        return strdup(opt.names[turn % opt.name_count]);
    FILE *f = open_memstream(&out, &size);
    for (const char *p = opt.name; *p; p++) {
        if (!strncmp(p, "{i}", 3) || !strncmp(p, "{n}", 3)) {
            fprintf(f, "%zu", p[1] == 'i' ? client : turn);
            p += 2;
        } else {
            fputc(*p, f);
        }
    }
    fclose(f);
    return out;
}

static void print_line(const Client *c, const char *event, const char *ended) {
    const Conn *conn = &c->conn;
    printf("{\"event\":\"%s\",\"i\":%zu,\"stream\":", event, c->index);
    json_string(stdout, c->name, strcspn(c->name, "?"));
    printf(",\"outcome\":\"%s\",\"ms\":%.2f,\"at\":%llu,\"code\":", c->outcome,
           c->verdict_ms, (unsigned long long)wall_ms());
    json_string(stdout, conn->code, strlen(conn->code));
    printf(",\"description\":");
    json_string(stdout, conn->text, strlen(conn->text));
    if (ended)
        printf(",\"ended\":\"%s\",\"lived_ms\":%.1f", ended,
               c->live_at ? ms_since(c->live_at) : 0.0);
    if (opt.mode == MODE_PLAY)
        printf(",\"media_messages\":%llu",
               (unsigned long long)conn->media_messages);
    printf("}\n");
    fflush(stdout);
}

static void watch(Client *c, bool write) {
    struct epoll_event ev = {.events = EPOLLIN | (write ? EPOLLOUT : 0),
                             .data.ptr = c};
    if (c->want_write == write)
        return;
    c->want_write = write;
    epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &ev);
}

static void open_client(Client *c) {
    static const int one = 1;
    size_t turn = turns++;
    free(c->name);
    c->name = make_name(c->index, turn);
    conn_start(&c->conn, opt.mode == MODE_PLAY, opt.app, opt.tc_url, c->name);
    c->judged = c->done = false;
    c->outcome = NULL;
    c->live_at = c->frames = c->audio_frames = 0;
    c->started = clock_ns();
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        die("no socket: raise ulimit -n");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    connect(c->fd, (struct sockaddr *)&opt.address, sizeof(opt.address));
    c->connecting = c->want_write = true; /* a failure comes by epoll too */
    struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &ev);
}

/* reset: leave no TIME_WAIT behind, or a long benchmark runs out of ports */
static void close_client(Client *c, bool reset) {
    struct linger hard = {.l_onoff = 1, .l_linger = 0};
    if (reset)
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    close(c->fd);
    c->fd = -1;
    conn_free(&c->conn);
}

static bool bench_over(void) {
    return interrupted || ms_since(run_start) >= opt.seconds * 1000;
}

/* ended: who closed, "server" or "client" */
static void finish(Client *c, const char *ended) {
    if (opt.mode == MODE_BENCH) {
        close_client(c, true);
        if (!bench_over()) {
            open_client(c);
            return;
        }
    } else {
        if (c->live_at && !strcmp(ended, "server"))
            ended_early++;
        if (!opt.quiet)
            print_line(c, "ended", ended);
        close_client(c, false);
    }
    c->done = true;
    finished++;
}

static void judge(Client *c, const char *outcome, size_t *counter) {
    if (c->judged)
        return;
    c->judged = true;
    c->outcome = outcome;
    c->verdict_ms = ms_since(c->started);
    (*counter)++;
    if (counter == &accepted)
        samples_add(&latencies, c->verdict_ms);
    if (opt.events)
        print_line(c, outcome, NULL);
}

static bool flush(Client *c) {
    Buf *out = &c->conn.out;
    size_t sent = 0;
    while (sent < out->len) {
        ssize_t n =
            send(c->fd, out->data + sent, out->len - sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            return false;
        if (n < 0)
            break;
        sent += (size_t)n;
    }
    buf_drop(out, sent);
    watch(c, out->len > 0);
    return true;
}

/* after new state: verdicts, and in bench the end of the turn */
static void advance(Client *c) {
    switch (c->conn.state) {
    case CONN_LIVE:
        if (!c->live_at) {
            c->live_at = clock_ns();
            judge(c, "accepted", &accepted);
            if (opt.mode == MODE_BENCH) {
                finish(c, "client");
                return;
            }
            if (opt.media) {
                conn_media(&c->conn, MSG_VIDEO, 0, &video_header);
                conn_media(&c->conn, MSG_AUDIO, 0, &audio_header);
            }
        }
        break;
    case CONN_REFUSED:
        judge(c, "refused", &refused);
        finish(c, "client");
        return;
    case CONN_BROKEN:
        judge(c, "closed", &closed);
        finish(c, "client");
        return;
    default:
        break;
    }
    if (!c->connecting && !flush(c)) {
        judge(c, "closed", &closed);
        finish(c, "server");
    }
}

static void readable(Client *c) {
    static uint8_t chunk[65536];
    ssize_t n = recv(c->fd, chunk, sizeof(chunk), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        judge(c, "closed", &closed);
        finish(c, "server");
        return;
    }
    conn_receive(&c->conn, chunk, (size_t)n);
    advance(c);
}

static void send_media(Client *c) {
    double elapsed = ms_since(c->live_at);
    if (c->conn.out.len > 1 << 20) /* the server does not read */
        return;
    while ((double)c->frames * FRAME_MS <= elapsed) {
        Buf frame = {0};
        uint32_t at = (uint32_t)(c->frames * FRAME_MS);
        media_video_frame(&frame, (unsigned)c->frames++, KEY_EVERY);
        conn_media(&c->conn, MSG_VIDEO, at, &frame);
        buf_free(&frame);
        for (;;) {
            uint64_t t = c->audio_frames * MEDIA_AUDIO_SAMPLES * 1000u /
                         MEDIA_AUDIO_RATE;
            if (t > at)
                break;
            conn_media(&c->conn, MSG_AUDIO, (uint32_t)t, &audio_frame);
            c->audio_frames++;
        }
    }
    advance(c);
}

static void tick(Client *c) {
    if (c->fd < 0 || c->done)
        return;
    if (!c->judged) {
        if (interrupted || ms_since(c->started) > opt.timeout * 1000) {
            judge(c, "timeout", &timed_out);
            finish(c, "client");
        }
        return;
    }
    if (c->live_at && opt.mode != MODE_BENCH) {
        if (interrupted || ms_since(c->live_at) >= opt.seconds * 1000) {
            conn_goodbye(&c->conn);
            (void)flush(c);
            finish(c, "client");
        } else if (opt.media) {
            send_media(c);
        }
    }
}

static void run(void) {
    struct epoll_event events[256];
    size_t opened = 0;
    uint64_t last_tick = 0;
    run_start = clock_ns();
    while (finished < opt.clients) {
        size_t allowed = opt.clients;
        if (opt.rate > 0)
            allowed = (size_t)(ms_since(run_start) / 1000 * opt.rate) + 1;
        while (opened < opt.clients && opened < allowed && !interrupted)
            open_client(&clients[opened++]);
        if (interrupted)
            opt.clients = opened;
        int n = epoll_wait(epoll_fd, events, 256, 10);
        for (int i = 0; i < n; i++) {
            Client *c = events[i].data.ptr;
            if (c->fd < 0 || c->done)
                continue;
            if (c->connecting && events[i].events & (EPOLLOUT | EPOLLERR)) {
                c->connecting = false;
                advance(c);
            } else if (events[i].events & EPOLLOUT) {
                advance(c);
            }
            if (c->fd >= 0 && !c->done &&
                events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                readable(c);
        }
        if (clock_ns() - last_tick >= 10000000u) {
            last_tick = clock_ns();
            for (size_t i = 0; i < opened; i++)
                tick(&clients[i]);
        }
    }
}

static void on_signal(int sig) {
    (void)sig;
    interrupted = 1;
}

int main(int argc, char **argv) {
    parse_options(argc, argv);
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    media_video_header(&video_header);
    media_audio_header(&audio_header);
    media_audio_frame(&audio_frame);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    clients = calloc(opt.clients, sizeof(*clients));
    if (!clients || epoll_fd < 0)
        die("out of memory");
    for (size_t i = 0; i < opt.clients; i++)
        clients[i] = (Client){.index = i, .fd = -1};
    run();

    double seconds = ms_since(run_start) / 1000;
    printf("{\"event\":\"summary\",\"connections\":%zu,\"accepted\":%zu,"
           "\"refused\":%zu,\"closed\":%zu,\"timeout\":%zu,"
           "\"ended_by_server\":%zu,\"seconds\":%.3f,\"per_second\":%.1f,"
           "\"accept_ms\":",
           turns, accepted, refused, closed, timed_out, ended_early, seconds,
           (double)accepted / seconds);
    samples_json(stdout, &latencies);
    printf("}\n");
    for (size_t i = 0; i < opt.clients; i++)
        free(clients[i].name);
    free(clients);
    free_options();
    samples_free(&latencies);
    buf_free(&video_header);
    buf_free(&audio_header);
    buf_free(&audio_frame);
    return 0;
}
