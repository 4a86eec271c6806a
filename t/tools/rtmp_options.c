#include "rtmp_options.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_CLIENTS = 4096, MAX_SECONDS = 3600 };

Options opt = {.clients = 1, .timeout = 10};

_Noreturn void die(const char *text) {
    fprintf(stderr, "rtmp_driver: %s\n", text);
    exit(2);
}

static void parse_url(const char *url) {
    char host[64], port[8] = "1935";
    const char *p = url;
    if (strncmp(p, "rtmp://", 7))
        die("--url must be rtmp://IPv4[:port]/app");
    p += 7;
    size_t len = strcspn(p, ":/");
    snprintf(host, sizeof(host), "%.*s", (int)len, p);
    p += len;
    if (*p == ':') {
        len = strcspn(p, "/");
        snprintf(port, sizeof(port), "%.*s", (int)len - 1, p + 1);
        p += len;
    }
    if (*p++ != '/' || !*p || strlen(p) >= sizeof(opt.app) ||
        strlen(url) >= sizeof(opt.tc_url))
        die("--url must be rtmp://IPv4[:port]/app");
    strcpy(opt.app, p);
    strcpy(opt.tc_url, url);
    opt.address.sin_family = AF_INET;
    opt.address.sin_port = htons((uint16_t)atoi(port));
    if (!strcmp(host, "localhost"))
        strcpy(host, "127.0.0.1");
    if (inet_pton(AF_INET, host, &opt.address.sin_addr) != 1)
        die("the host in --url must be an IPv4 address");
}

static void read_names(const char *path) {
    char *line = NULL;
    size_t size = 0;
    ssize_t n;
    FILE *f = strcmp(path, "-") ? fopen(path, "r") : stdin;
    if (!f)
        die("cannot read the file of --names");
    while ((n = getline(&line, &size, f)) > 0) {
        if (line[n - 1] == '\n')
            line[--n] = '\0';
        if (n == 0)
            continue;
        opt.names = realloc(opt.names, (opt.name_count + 1) * sizeof(char *));
        opt.names[opt.name_count++] = strdup(line);
    }
    free(line);
    if (f != stdin)
        fclose(f);
    if (!opt.name_count)
        die("the file of --names is empty");
}

_Noreturn static void usage(void) {
    die("usage: rtmp_driver publish|play|bench --url rtmp://IPv4:port/app\n"
        "  --name TEMPLATE   {i} = client, {n} = turn; or --names FILE (- =\n"
        "                    stdin), one per line, taken in turn\n"
        "  --count N         clients (bench: at the same time)\n"
        "  --seconds S       publish, play: stay after the verdict; bench: "
        "run\n"
        "  --timeout S       wait for a verdict (10)\n"
        "  --rate N          new connections per second (all at once)\n"
        "  --media           send H.264 and AAC while live\n"
        "  --events          a line when the verdict is in, too\n"
        "  --quiet           the summary only");
}

void parse_options(int argc, char **argv) {
    static const struct option longs[] = {{"url", 1, 0, 'u'},
                                          {"name", 1, 0, 'n'},
                                          {"names", 1, 0, 'N'},
                                          {"count", 1, 0, 'c'},
                                          {"seconds", 1, 0, 's'},
                                          {"timeout", 1, 0, 't'},
                                          {"rate", 1, 0, 'r'},
                                          {"media", 0, 0, 'm'},
                                          {"events", 0, 0, 'e'},
                                          {"quiet", 0, 0, 'q'},
                                          {0, 0, 0, 0}};
    static const char *const modes[] = {"publish", "play", "bench"};
    bool counted = false;
    int ch, mode = -1;
    for (int i = 0; argc > 1 && i < 3; i++)
        if (!strcmp(argv[1], modes[i]))
            mode = i;
    if (mode < 0)
        usage();
    opt.mode = (Mode)mode;
    optind = 2;
    while ((ch = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        switch (ch) {
        case 'u':
            parse_url(optarg);
            break;
        case 'n':
            opt.name = optarg;
            break;
        case 'N':
            read_names(optarg);
            break;
        case 'c':
            opt.clients = strtoul(optarg, NULL, 10);
            counted = true;
            break;
        case 's':
            opt.seconds = atof(optarg);
            break;
        case 't':
            opt.timeout = atof(optarg);
            break;
        case 'r':
            opt.rate = atof(optarg);
            break;
        case 'm':
            opt.media = true;
            break;
        case 'e':
            opt.events = true;
            break;
        case 'q':
            opt.quiet = true;
            break;
        default:
            usage();
        }
    }
    if (!opt.app[0] || (!opt.name && !opt.names))
        usage();
    if (opt.names && !counted && opt.mode != MODE_BENCH)
        opt.clients = opt.name_count;
    if (opt.clients < 1 || opt.clients > MAX_CLIENTS)
        die("--count must be 1 to 4096");
    if (opt.seconds < 0 || opt.seconds > MAX_SECONDS || opt.timeout <= 0)
        die("--seconds must be 0 to 3600, --timeout above 0");
}

void free_options(void) {
    for (size_t i = 0; i < opt.name_count; i++)
        free(opt.names[i]);
    free(opt.names);
}
