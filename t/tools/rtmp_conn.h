/*
 * One RTMP client connection as a state machine: bytes in, bytes out. It knows
 * no socket and no epoll; rtmp_driver.c owns those.
 */
#ifndef RTMP_CONN_H
#define RTMP_CONN_H

#include "rtmp_wire.h"

typedef enum {
    CONN_HANDSHAKE, /* C0 C1 queued, S0 S1 S2 awaited */
    CONN_CONNECT,   /* connect sent, _result awaited */
    CONN_CREATE,    /* createStream sent, _result awaited */
    CONN_START,     /* publish or play sent, onStatus awaited */
    CONN_LIVE,      /* accepted */
    CONN_REFUSED,   /* the server said no, with a code */
    CONN_BROKEN,    /* it said something that is not RTMP */
} ConnState;

typedef struct {
    bool play;
    const char *app;
    const char *tc_url;
    const char *name; /* stream name with its query; borrowed */
    ConnState state;
    Decoder decoder;
    Buf in;
    Buf out;
    char code[96];
    char text[256];
    uint32_t stream;
    uint64_t received;
    uint64_t acked;
    uint32_t window;
    uint64_t media_messages; /* audio and video received */
    bool status_after_live;  /* code and text were overwritten while live */
} Conn;

void conn_start(Conn *c, bool play, const char *app, const char *tc_url,
                const char *name);
/* takes what the socket gave; afterwards look at state and out */
void conn_receive(Conn *c, const uint8_t *data, size_t len);
/* queues one audio or video message */
void conn_media(Conn *c, unsigned type, uint32_t timestamp, const Buf *body);
/* queues the goodbye of a polite publisher */
void conn_goodbye(Conn *c);
void conn_free(Conn *c);

#endif
