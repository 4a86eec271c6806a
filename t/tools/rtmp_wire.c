#include "rtmp_wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_put(Buf *b, const void *data, size_t len) {
    if (len == 0)
        return;
    if (b->len + len > b->cap) {
        size_t cap = b->cap ? b->cap : 512;
        while (cap < b->len + len)
            cap *= 2;
        uint8_t *grown = realloc(b->data, cap);
        if (!grown) {
            fprintf(stderr, "rtmp_driver: out of memory\n");
            exit(2);
        }
        b->data = grown;
        b->cap = cap;
    }
    memcpy(b->data + b->len, data, len);
    b->len += len;
}

void buf_drop(Buf *b, size_t len) {
    b->len -= len;
    if (b->len)
        memmove(b->data, b->data + len, b->len);
}

void buf_free(Buf *b) {
    free(b->data);
    *b = (Buf){0};
}

static void put_be(Buf *b, uint64_t value, unsigned bytes) {
    uint8_t out[8];
    for (unsigned i = 0; i < bytes; i++)
        out[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
    buf_put(b, out, bytes);
}

static uint32_t get_be(const uint8_t *p, unsigned bytes) {
    uint32_t v = 0;
    while (bytes--)
        v = v << 8 | *p++;
    return v;
}

enum {
    AMF_NUMBER = 0,
    AMF_BOOLEAN = 1,
    AMF_STRING = 2,
    AMF_OBJECT = 3,
    AMF_NULL = 5,
    AMF_UNDEFINED = 6,
    AMF_ECMA_ARRAY = 8,
    AMF_OBJECT_END = 9,
    AMF_STRICT_ARRAY = 10,
    AMF_DATE = 11,
    AMF_LONG_STRING = 12,
    AMF_MAX_DEPTH = 16,
};

void amf_put_key(Buf *b, const char *key) {
    put_be(b, strlen(key), 2);
    buf_put(b, key, strlen(key));
}

void amf_put_string(Buf *b, const char *s) {
    put_be(b, AMF_STRING, 1);
    amf_put_key(b, s);
}

void amf_put_number(Buf *b, double n) {
    uint64_t bits;
    memcpy(&bits, &n, sizeof(bits));
    put_be(b, AMF_NUMBER, 1);
    put_be(b, bits, 8);
}

void amf_put_null(Buf *b) { put_be(b, AMF_NULL, 1); }

void amf_put_object_start(Buf *b) { put_be(b, AMF_OBJECT, 1); }

void amf_put_object_end(Buf *b) { put_be(b, AMF_OBJECT_END, 3); }

static bool amf_take(Amf *a, size_t len, const uint8_t **out) {
    if ((size_t)(a->end - a->p) < len)
        return false;
    *out = a->p;
    a->p += len;
    return true;
}

static bool amf_skip_depth(Amf *a, unsigned depth);

/* members up to and including the end marker */
static bool amf_skip_members(Amf *a, unsigned depth) {
    const uint8_t *p;
    for (;;) {
        if (!amf_take(a, 2, &p))
            return false;
        uint32_t len = get_be(p, 2);
        if (!amf_take(a, len, &p))
            return false;
        if (len == 0 && a->p < a->end && *a->p == AMF_OBJECT_END) {
            a->p++;
            return true;
        }
        if (!amf_skip_depth(a, depth))
            return false;
    }
}

static bool amf_skip_depth(Amf *a, unsigned depth) {
    const uint8_t *p;
    if (depth > AMF_MAX_DEPTH || !amf_take(a, 1, &p))
        return false;
    switch (*p) {
    case AMF_NUMBER:
        return amf_take(a, 8, &p);
    case AMF_BOOLEAN:
        return amf_take(a, 1, &p);
    case AMF_STRING:
        return amf_take(a, 2, &p) && amf_take(a, get_be(p, 2), &p);
    case AMF_LONG_STRING:
        return amf_take(a, 4, &p) && amf_take(a, get_be(p, 4), &p);
    case AMF_DATE:
        return amf_take(a, 10, &p);
    case AMF_NULL:
    case AMF_UNDEFINED:
        return true;
    case AMF_ECMA_ARRAY:
        return amf_take(a, 4, &p) && amf_skip_members(a, depth + 1);
    case AMF_OBJECT:
        return amf_skip_members(a, depth + 1);
    case AMF_STRICT_ARRAY:
        if (!amf_take(a, 4, &p))
            return false;
        for (uint32_t n = get_be(p, 4); n > 0; n--)
            if (!amf_skip_depth(a, depth + 1))
                return false;
        return true;
    default:
        return false;
    }
}

bool amf_skip(Amf *a) { return amf_skip_depth(a, 0); }

bool amf_number(Amf *a, double *out) {
    const uint8_t *p;
    if (!amf_take(a, 9, &p) || *p != AMF_NUMBER)
        return false;
    uint64_t bits = (uint64_t)get_be(p + 1, 4) << 32 | get_be(p + 5, 4);
    memcpy(out, &bits, sizeof(bits));
    return true;
}

bool amf_string(Amf *a, char *out, size_t size) {
    const uint8_t *p;
    if (!amf_take(a, 3, &p) || *p != AMF_STRING)
        return false;
    size_t len = get_be(p + 1, 2);
    if (!amf_take(a, len, &p))
        return false;
    if (len >= size)
        len = size - 1;
    memcpy(out, p, len);
    out[len] = '\0';
    return true;
}

bool amf_status(Amf *a, char *code, size_t code_size, char *text,
                size_t text_size) {
    const uint8_t *p;
    if (!amf_take(a, 1, &p) || (*p != AMF_OBJECT && *p != AMF_ECMA_ARRAY))
        return false;
    if (*p == AMF_ECMA_ARRAY && !amf_take(a, 4, &p))
        return false;
    for (;;) {
        if (!amf_take(a, 2, &p))
            return false;
        uint32_t len = get_be(p, 2);
        if (!amf_take(a, len, &p) || a->p >= a->end)
            return false;
        if (len == 0 && *a->p == AMF_OBJECT_END) {
            a->p++;
            return true;
        }
        bool ok;
        if (*a->p == AMF_STRING && len == 4 && !memcmp(p, "code", 4))
            ok = amf_string(a, code, code_size);
        else if (*a->p == AMF_STRING && len == 11 &&
                 !memcmp(p, "description", 11))
            ok = amf_string(a, text, text_size);
        else
            ok = amf_skip(a);
        if (!ok)
            return false;
    }
}

void rtmp_put_message(Buf *out, unsigned csid, unsigned type, uint32_t stream,
                      uint32_t timestamp, const void *body, size_t len,
                      size_t out_chunk) {
    const uint8_t *p = body;
    uint32_t stamp = timestamp < 0xffffff ? timestamp : 0xffffff;
    put_be(out, csid, 1); /* fmt 0, csid < 64 */
    put_be(out, stamp, 3);
    put_be(out, len, 3);
    put_be(out, type, 1);
    for (unsigned i = 0; i < 4; i++) /* the one little-endian field */
        put_be(out, stream >> (8 * i) & 0xff, 1);
    for (;;) {
        if (stamp == 0xffffff)
            put_be(out, timestamp, 4);
        size_t part = len < out_chunk ? len : out_chunk;
        buf_put(out, p, part);
        p += part;
        len -= part;
        if (len == 0)
            return;
        put_be(out, 0xc0 | csid, 1);
    }
}

void decoder_init(Decoder *d) {
    *d = (Decoder){0};
    d->chunk_size = 128;
}

void decoder_free(Decoder *d) {
    for (size_t i = 0; i < MAX_CHUNK_STREAMS; i++)
        buf_free(&d->streams[i].body);
}

static ChunkStream *find_stream(Decoder *d, unsigned csid) {
    for (size_t i = 0; i < MAX_CHUNK_STREAMS; i++) {
        if (d->streams[i].csid == csid)
            return &d->streams[i];
        if (d->streams[i].csid == 0) {
            d->streams[i].csid = csid;
            return &d->streams[i];
        }
    }
    return NULL;
}

/* one whole chunk; *used stays 0 when it is not all there */
static Decoded decode_chunk(Decoder *d, const uint8_t *data, size_t len,
                            size_t *used, ChunkStream **out) {
    static const uint8_t header_sizes[] = {11, 7, 3, 0};
    size_t at = 1;
    *used = 0;
    if (len < 1)
        return DECODE_MORE;
    unsigned fmt = data[0] >> 6, csid = data[0] & 0x3f;
    if (csid < 2) {
        size_t extra = csid + 1;
        if (len < at + extra)
            return DECODE_MORE;
        csid = 64 + data[1] + (extra == 2 ? data[2] * 256u : 0);
        at += extra;
    }
    ChunkStream *cs = find_stream(d, csid);
    if (!cs)
        return DECODE_ERROR;
    const uint8_t *h = data + at;
    at += header_sizes[fmt];
    if (len < at)
        return DECODE_MORE;
    uint32_t stamp = fmt < 3 ? get_be(h, 3) : 0;
    bool extended = fmt < 3 ? stamp == 0xffffff : cs->extended;
    if (extended) {
        if (len < at + 4)
            return DECODE_MORE;
        if (fmt < 3)
            stamp = get_be(data + at, 4);
        at += 4;
    }
    uint32_t total = fmt < 2 ? get_be(h + 3, 3) : cs->length;
    if (total > MAX_MESSAGE || (fmt < 3 && cs->body.len))
        return DECODE_ERROR;
    size_t part = total - cs->body.len;
    if (part > d->chunk_size)
        part = d->chunk_size;
    if (len < at + part)
        return DECODE_MORE;

    cs->extended = extended;
    cs->length = total;
    if (fmt < 2)
        cs->type = h[6];
    if (fmt == 0)
        cs->stream = h[7] | h[8] << 8 | h[9] << 16 | (uint32_t)h[10] << 24;
    if (fmt < 3)
        cs->timestamp = fmt == 0 ? stamp : cs->timestamp + stamp;
    buf_put(&cs->body, data + at, part);
    *used = at + part;
    *out = cs;
    return cs->body.len == cs->length ? DECODE_MESSAGE : DECODE_MORE;
}

Decoded decoder_next(Decoder *d, const uint8_t *data, size_t len, size_t *used,
                     Message *out) {
    *used = 0;
    for (;;) {
        ChunkStream *cs = NULL;
        size_t eaten;
        Decoded rc = decode_chunk(d, data + *used, len - *used, &eaten, &cs);
        *used += eaten;
        if (rc == DECODE_ERROR || eaten == 0)
            return rc;
        if (rc == DECODE_MESSAGE) {
            *out = (Message){cs->type, cs->stream, cs->timestamp, cs->body.data,
                             cs->body.len};
            cs->body.len = 0; /* the bytes stay until the next call */
            return rc;
        }
    }
}
