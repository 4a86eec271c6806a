/*
 * RTMP on the wire, as far as a test client needs it: a growing byte buffer,
 * AMF0 both ways, chunks both ways.
 */
#ifndef RTMP_WIRE_H
#define RTMP_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint8_t *data;
    size_t len;
    size_t cap;
} Buf;

void buf_put(Buf *b, const void *data, size_t len);
void buf_drop(Buf *b, size_t len); /* forget the first len bytes */
void buf_free(Buf *b);

enum {
    MSG_SET_CHUNK_SIZE = 1,
    MSG_ACK = 3,
    MSG_USER_CONTROL = 4,
    MSG_WINDOW_ACK_SIZE = 5,
    MSG_AUDIO = 8,
    MSG_VIDEO = 9,
    MSG_DATA = 18,
    MSG_COMMAND = 20,
};

/* AMF0, writing */
void amf_put_string(Buf *b, const char *s);
void amf_put_number(Buf *b, double n);
void amf_put_null(Buf *b);
void amf_put_object_start(Buf *b);
void amf_put_key(Buf *b, const char *key);
void amf_put_object_end(Buf *b);

/* AMF0, reading: each call consumes one value, false on a malformed one */
typedef struct {
    const uint8_t *p;
    const uint8_t *end;
} Amf;

bool amf_skip(Amf *a);
bool amf_string(Amf *a, char *out, size_t size); /* cut to size, NUL added */
bool amf_number(Amf *a, double *out);
/* consumes an object; copies its string members code and description */
bool amf_status(Amf *a, char *code, size_t code_size, char *text,
                size_t text_size);

/* chunks, writing; out_chunk is the chunk size in force */
void rtmp_put_message(Buf *out, unsigned csid, unsigned type, uint32_t stream,
                      uint32_t timestamp, const void *body, size_t len,
                      size_t out_chunk);

/* chunks, reading */
enum { MAX_CHUNK_STREAMS = 32, MAX_MESSAGE = 4 << 20 };

typedef struct {
    unsigned csid; /* 0: unused */
    uint32_t timestamp;
    uint32_t length;
    uint32_t stream;
    unsigned type;
    bool extended;
    Buf body;
} ChunkStream;

typedef struct {
    size_t chunk_size;
    ChunkStream streams[MAX_CHUNK_STREAMS];
} Decoder;

typedef struct {
    unsigned type;
    uint32_t stream;
    uint32_t timestamp;
    const uint8_t *body; /* valid until the next call */
    size_t len;
} Message;

typedef enum { DECODE_ERROR = -1, DECODE_MORE = 0, DECODE_MESSAGE = 1 } Decoded;

void decoder_init(Decoder *d);
/* eats one message, or as many whole chunks as there are, from data */
Decoded decoder_next(Decoder *d, const uint8_t *data, size_t len, size_t *used,
                     Message *out);
void decoder_free(Decoder *d);

#endif
