/* The command line of rtmp_driver. */
#ifndef RTMP_OPTIONS_H
#define RTMP_OPTIONS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

typedef enum { MODE_PUBLISH, MODE_PLAY, MODE_BENCH } Mode;

typedef struct {
    Mode mode;
    struct sockaddr_in address;
    char app[128];
    char tc_url[256];
    const char *name; /* template: {i} client, {n} turn */
    char **names;     /* or a list, taken in turn */
    size_t name_count;
    size_t clients;
    double seconds; /* bench: how long; else: hold after the verdict */
    double timeout;
    double rate; /* connections per second, 0: all at once */
    bool media;
    bool events;
    bool quiet;
} Options;

extern Options opt;

_Noreturn void die(const char *text);
void parse_options(int argc, char **argv);
void free_options(void);

#endif
