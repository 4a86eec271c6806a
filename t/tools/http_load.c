/*
 * HTTP requests that differ from each other, a counted number of them or at a
 * given rate: what wrk cannot do. For the benchmark.
 *
 *   http_load --port P --path /x/{1} [--method POST] [--header 'A: {2}']...
 *             [--body FILE] [--lines FILE] [--count N] [--connections C]
 *             [--rate R] [--locations FILE]
 *
 * Columns of the lines file fill {1} {2} ...; its lines are taken in turn.
 * Prints one JSON line. --locations writes the path of each Location.
 */
#include "http_exchange.h"
#include "report.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_CONNECTIONS = 1024, MAX_SECONDS = 120 };

typedef struct {
    int fd;
    bool busy;
    char *request;
    size_t len, sent;
    uint64_t started; /* at a rate: when it was due */
    Answer answer;
} Connection;

static Template tmpl = {.method = "GET", .host = "127.0.0.1"};
static struct sockaddr_in address = {.sin_family = AF_INET};
static size_t count = 1, connection_count = 1;
static double rate;
static char **lines;
static size_t line_count;
static FILE *locations;

static Connection connections[MAX_CONNECTIONS];
static int epoll_fd;
static size_t begun, ended, errors;
static size_t statuses[600];
static Samples latencies;
static uint64_t run_start;

static void die(const char *text) {
    fprintf(stderr, "http_load: %s\n", text);
    exit(2);
}

static void read_lines(const char *path) {
    char *line = NULL;
    size_t size = 0;
    ssize_t n;
    FILE *f = fopen(path, "r");
    if (!f)
        die("cannot read the file of --lines");
    while ((n = getline(&line, &size, f)) > 0) {
        if (line[n - 1] == '\n')
            line[n - 1] = '\0';
        if (!(line_count & (line_count - 1)))
            lines = realloc(lines,
                            (line_count ? line_count * 2 : 1) * sizeof(char *));
        lines[line_count++] = strdup(line);
    }
    free(line);
    fclose(f);
    if (!line_count)
        die("the file of --lines is empty");
}

static void read_body(const char *path) {
    FILE *f = fopen(path, "r"), *out;
    char part[4096];
    size_t n;
    if (!f)
        die("cannot read the file of --body");
    out = open_memstream(&tmpl.body, &tmpl.body_len);
    while ((n = fread(part, 1, sizeof(part), f)) > 0)
        fwrite(part, 1, n, out);
    fclose(f);
    fclose(out);
}

static void open_connection(Connection *c) {
    static const int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 ||
        connect(c->fd, (struct sockaddr *)&address, sizeof(address)))
        die("cannot connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &ev);
}

/* Sends the next request, if one is due. Small ones: sending never waits. */
static void next(Connection *c) {
    if (c->busy || begun == count)
        return;
    uint64_t now = clock_ns(), due = now;
    if (rate > 0) {
        due = run_start + (uint64_t)((double)begun / rate * 1e9);
        if (due > now)
            return;
    }
    const char *line = line_count ? lines[begun % line_count] : "";
    begun++;
    render_request(&tmpl, line, &c->request, &c->len);
    c->busy = true;
    c->started = due;
    answer_start(&c->answer);
    c->answer.head_only = !strcmp(tmpl.method, "HEAD");
    for (c->sent = 0; c->sent < c->len;) {
        ssize_t n =
            send(c->fd, c->request + c->sent, c->len - c->sent, MSG_NOSIGNAL);
        if (n <= 0)
            break;
        c->sent += (size_t)n;
    }
    free(c->request);
}

static void finish(Connection *c, bool ok) {
    c->busy = false;
    ended++;
    if (ok) {
        samples_add(&latencies, ms_since(c->started));
        statuses[c->answer.status < 600 ? c->answer.status : 0]++;
        if (locations && c->answer.location[0])
            fprintf(locations, "%s\n", c->answer.location);
    } else {
        errors++;
    }
}

static void reopen(Connection *c) {
    close(c->fd);
    open_connection(c);
}

static void readable(Connection *c) {
    static char chunk[262144];
    ssize_t n = recv(c->fd, chunk, sizeof(chunk), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        if (c->busy)
            finish(c, c->answer.in_body && c->answer.left < 0);
        reopen(c);
        next(c);
        return;
    }
    size_t used;
    AnswerState state =
        c->busy ? answer_feed(&c->answer, chunk, (size_t)n, &used) : ANSWER_BAD;
    if (state == ANSWER_MORE)
        return;
    if (c->busy)
        finish(c, state == ANSWER_DONE);
    if (state == ANSWER_BAD || c->answer.close)
        reopen(c);
    next(c);
}

static void run(void) {
    struct epoll_event events[256];
    for (size_t i = 0; i < connection_count; i++)
        open_connection(&connections[i]);
    run_start = clock_ns();
    while (ended < count && ms_since(run_start) < MAX_SECONDS * 1000.0) {
        if (rate > 0 || begun < connection_count)
            for (size_t i = 0; i < connection_count; i++)
                next(&connections[i]);
        struct timespec wait = {.tv_nsec = 100000000};
        if (rate > 0 && begun < count) {
            double due = (double)begun / rate * 1e3 - ms_since(run_start);
            wait.tv_nsec = due > 0 ? (long)(due * 1e6) : 1000000;
            if (wait.tv_nsec > 100000000)
                wait.tv_nsec = 100000000;
        }
        int n = epoll_pwait2(epoll_fd, events, 256, &wait, NULL);
        for (int i = 0; i < n; i++)
            readable(events[i].data.ptr);
    }
}

static void parse_options(int argc, char **argv) {
    static const struct option longs[] = {
        {"port", 1, 0, 'p'},   {"path", 1, 0, 'P'},
        {"method", 1, 0, 'm'}, {"header", 1, 0, 'H'},
        {"body", 1, 0, 'b'},   {"lines", 1, 0, 'l'},
        {"count", 1, 0, 'n'},  {"connections", 1, 0, 'c'},
        {"rate", 1, 0, 'r'},   {"locations", 1, 0, 'L'},
        {0, 0, 0, 0}};
    int ch;
    while ((ch = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        switch (ch) {
        case 'p':
            address.sin_port = htons((uint16_t)atoi(optarg));
            break;
        case 'P':
            tmpl.path = optarg;
            break;
        case 'm':
            tmpl.method = optarg;
            break;
        case 'H':
            if (tmpl.header_count == 16)
                die("more than 16 of --header");
            tmpl.headers[tmpl.header_count++] = optarg;
            break;
        case 'b':
            read_body(optarg);
            break;
        case 'l':
            read_lines(optarg);
            break;
        case 'n':
            count = strtoul(optarg, NULL, 10);
            break;
        case 'c':
            connection_count = strtoul(optarg, NULL, 10);
            break;
        case 'r':
            rate = atof(optarg);
            break;
        case 'L':
            locations = fopen(optarg, "w");
            break;
        default:
            die("see the head of http_load.c for the options");
        }
    }
    if (!address.sin_port || !tmpl.path)
        die("--port and --path are needed");
    if (connection_count < 1 || connection_count > MAX_CONNECTIONS)
        die("--connections must be 1 to 1024");
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
}

int main(int argc, char **argv) {
    const char *comma = "";
    parse_options(argc, argv);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    run();
    double seconds = ms_since(run_start) / 1000;
    printf("{\"requests\":%zu,\"errors\":%zu,\"seconds\":%.4f,"
           "\"per_second\":%.1f,\"statuses\":{",
           ended, errors, seconds, (double)ended / seconds);
    for (int i = 0; i < 600; i++) {
        if (statuses[i]) {
            printf("%s\"%d\":%zu", comma, i, statuses[i]);
            comma = ",";
        }
    }
    printf("},\"ms\":");
    samples_json(stdout, &latencies);
    printf("}\n");
    if (locations)
        fclose(locations);
    for (size_t i = 0; i < line_count; i++)
        free(lines[i]);
    free(lines);
    free(tmpl.body);
    samples_free(&latencies);
    return 0;
}
