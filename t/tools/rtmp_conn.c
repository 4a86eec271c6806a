#include "rtmp_conn.h"

#include <stdio.h>
#include <string.h>

enum {
    HANDSHAKE_PART = 1536,
    OUT_CHUNK = 4096,
    CSID_CONTROL = 2,
    CSID_COMMAND = 3,
    CSID_MEDIA = 4,
    TXN_CONNECT = 1,
    TXN_RELEASE = 2,
    TXN_FCPUBLISH = 3,
    TXN_CREATE = 4,
    TXN_START = 5,
};

static void control(Conn *c, unsigned type, uint32_t value) {
    uint8_t body[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16),
                       (uint8_t)(value >> 8), (uint8_t)value};
    rtmp_put_message(&c->out, CSID_CONTROL, type, 0, 0, body, 4, OUT_CHUNK);
}

static void command(Conn *c, uint32_t stream, const Buf *body) {
    rtmp_put_message(&c->out, CSID_COMMAND, MSG_COMMAND, stream, 0, body->data,
                     body->len, OUT_CHUNK);
}

/* name, transaction, null and at most two strings: most of RTMP's commands */
static void simple_command(Conn *c, uint32_t stream, const char *name,
                           double txn, const char *a, const char *b) {
    Buf body = {0};
    amf_put_string(&body, name);
    amf_put_number(&body, txn);
    amf_put_null(&body);
    if (a)
        amf_put_string(&body, a);
    if (b)
        amf_put_string(&body, b);
    command(c, stream, &body);
    buf_free(&body);
}

void conn_start(Conn *c, bool play, const char *app, const char *tc_url,
                const char *name) {
    static uint8_t hello[1 + HANDSHAKE_PART] = {3};
    *c = (Conn){.play = play, .app = app, .tc_url = tc_url, .name = name};
    decoder_init(&c->decoder);
    buf_put(&c->out, hello, sizeof(hello));
}

static void send_connect(Conn *c) {
    Buf body = {0};
    control(c, MSG_SET_CHUNK_SIZE, OUT_CHUNK);
    amf_put_string(&body, "connect");
    amf_put_number(&body, TXN_CONNECT);
    amf_put_object_start(&body);
    amf_put_key(&body, "app");
    amf_put_string(&body, c->app);
    amf_put_key(&body, "type");
    amf_put_string(&body, "nonprivate");
    amf_put_key(&body, "flashVer");
    amf_put_string(&body, "FMLE/3.0 (compatible; rtmp_driver)");
    amf_put_key(&body, "tcUrl");
    amf_put_string(&body, c->tc_url);
    amf_put_object_end(&body);
    command(c, 0, &body);
    buf_free(&body);
    c->state = CONN_CONNECT;
}

static void on_result(Conn *c, double txn, Amf *a) {
    double stream;
    if (c->state == CONN_CONNECT && txn == TXN_CONNECT) {
        if (!c->play) {
            simple_command(c, 0, "releaseStream", TXN_RELEASE, c->name, NULL);
            simple_command(c, 0, "FCPublish", TXN_FCPUBLISH, c->name, NULL);
        }
        simple_command(c, 0, "createStream", TXN_CREATE, NULL, NULL);
        c->state = CONN_CREATE;
        return;
    }
    if (c->state != CONN_CREATE || txn != TXN_CREATE)
        return;
    if (!amf_skip(a) || !amf_number(a, &stream)) {
        c->state = CONN_BROKEN;
        return;
    }
    c->stream = (uint32_t)stream;
    if (c->play)
        simple_command(c, c->stream, "play", TXN_START, c->name, NULL);
    else
        simple_command(c, c->stream, "publish", TXN_START, c->name, "live");
    c->state = CONN_START;
}

static void on_status(Conn *c, Amf *a) {
    char code[sizeof(c->code)] = "", text[sizeof(c->text)] = "";
    if (!amf_skip(a) || !amf_status(a, code, sizeof(code), text, sizeof(text)))
        return;
    if (c->state == CONN_LIVE)
        c->status_after_live = true;
    memcpy(c->code, code, sizeof(code));
    memcpy(c->text, text, sizeof(text));
    if (c->state != CONN_START)
        return;
    if (!strcmp(code,
                c->play ? "NetStream.Play.Start" : "NetStream.Publish.Start"))
        c->state = CONN_LIVE;
    else if (strcmp(code, "NetStream.Play.Reset"))
        c->state = CONN_REFUSED;
}

static void on_error(Conn *c, double txn, Amf *a) {
    /* no to releaseStream or FCPublish is common and means nothing */
    if (txn == TXN_RELEASE || txn == TXN_FCPUBLISH || c->state == CONN_LIVE)
        return;
    if (!amf_skip(a) ||
        !amf_status(a, c->code, sizeof(c->code), c->text, sizeof(c->text)))
        snprintf(c->code, sizeof(c->code), "_error");
    c->state = CONN_REFUSED;
}

static void on_command(Conn *c, const Message *m) {
    Amf a = {m->body, m->body + m->len};
    char name[64];
    double txn;
    if (!amf_string(&a, name, sizeof(name)) || !amf_number(&a, &txn))
        c->state = CONN_BROKEN;
    else if (!strcmp(name, "_result"))
        on_result(c, txn, &a);
    else if (!strcmp(name, "_error"))
        on_error(c, txn, &a);
    else if (!strcmp(name, "onStatus"))
        on_status(c, &a);
}

static void on_message(Conn *c, const Message *m) {
    uint32_t value = 0;
    if (m->len >= 4)
        value = (uint32_t)m->body[0] << 24 | (uint32_t)m->body[1] << 16 |
                (uint32_t)m->body[2] << 8 | m->body[3];
    switch (m->type) {
    case MSG_SET_CHUNK_SIZE:
        if (value == 0 || value > MAX_MESSAGE)
            c->state = CONN_BROKEN;
        else
            c->decoder.chunk_size = value;
        break;
    case MSG_WINDOW_ACK_SIZE:
        c->window = value;
        break;
    case MSG_USER_CONTROL:
        if (m->len >= 6 && m->body[1] == 6) { /* ping: the same as a pong */
            uint8_t pong[6];
            memcpy(pong, m->body, sizeof(pong));
            pong[1] = 7;
            rtmp_put_message(&c->out, CSID_CONTROL, MSG_USER_CONTROL, 0, 0,
                             pong, sizeof(pong), OUT_CHUNK);
        }
        break;
    case MSG_AUDIO:
    case MSG_VIDEO:
        c->media_messages++;
        break;
    case MSG_COMMAND:
        on_command(c, m);
        break;
    }
}

void conn_receive(Conn *c, const uint8_t *data, size_t len) {
    c->received += len;
    buf_put(&c->in, data, len);
    size_t at = 0;
    if (c->state == CONN_HANDSHAKE) {
        const size_t need = 1 + 2 * HANDSHAKE_PART;
        if (c->in.len < need)
            return;
        if (c->in.data[0] != 3) {
            c->state = CONN_BROKEN;
            return;
        }
        buf_put(&c->out, c->in.data + 1, HANDSHAKE_PART); /* C2 echoes S1 */
        send_connect(c);
        at = need;
    }
    while (c->state != CONN_BROKEN && c->state != CONN_REFUSED) {
        Message m;
        size_t used;
        Decoded rc = decoder_next(&c->decoder, c->in.data + at, c->in.len - at,
                                  &used, &m);
        at += used;
        if (rc == DECODE_ERROR)
            c->state = CONN_BROKEN;
        if (rc != DECODE_MESSAGE)
            break;
        on_message(c, &m);
    }
    buf_drop(&c->in, at);
    if (c->window && c->received - c->acked >= c->window) {
        control(c, MSG_ACK, (uint32_t)c->received);
        c->acked = c->received;
    }
}

void conn_media(Conn *c, unsigned type, uint32_t timestamp, const Buf *body) {
    rtmp_put_message(&c->out, CSID_MEDIA, type, c->stream, timestamp,
                     body->data, body->len, OUT_CHUNK);
}

void conn_goodbye(Conn *c) {
    Buf body = {0};
    simple_command(c, 0, "FCUnpublish", TXN_START + 1, c->name, NULL);
    amf_put_string(&body, "deleteStream");
    amf_put_number(&body, TXN_START + 2);
    amf_put_null(&body);
    amf_put_number(&body, c->stream);
    command(c, 0, &body);
    buf_free(&body);
}

void conn_free(Conn *c) {
    decoder_free(&c->decoder);
    buf_free(&c->in);
    buf_free(&c->out);
}
