/*
 * One macroblock per picture. A key frame carries it as raw samples (I_PCM),
 * the others say "skipped": no encoder is needed, and every decoder takes it.
 */
#include "rtmp_media.h"

#include <string.h>

typedef struct {
    uint8_t bytes[512];
    unsigned bits;
} Bits;

static void put_bits(Bits *b, uint32_t value, unsigned count) {
    while (count--) {
        if (value >> count & 1)
            b->bytes[b->bits / 8] |= (uint8_t)(0x80 >> b->bits % 8);
        b->bits++;
    }
}

/* unsigned Exp-Golomb */
static void put_ue(Bits *b, uint32_t value) {
    unsigned width = 0;
    while ((value + 1) >> (width + 1))
        width++;
    put_bits(b, 0, width);
    put_bits(b, value + 1, width + 1);
}

static void put_trailing(Bits *b) {
    put_bits(b, 1, 1);
    b->bits = (b->bits + 7) / 8 * 8;
}

/* a NAL unit with its emulation prevention bytes */
static void put_nal(Buf *out, uint8_t header, const Bits *b) {
    unsigned zeros = 0;
    buf_put(out, &header, 1);
    for (unsigned i = 0; i < b->bits / 8; i++) {
        uint8_t byte = b->bytes[i];
        if (zeros == 2 && byte <= 3) {
            buf_put(out, "\x03", 1);
            zeros = 0;
        }
        buf_put(out, &byte, 1);
        zeros = byte ? 0 : zeros + 1;
    }
}

enum { LOG2_FRAME_NUM = 8, NAL_SLICE = 0x41, NAL_IDR = 0x65 };

static void put_sps(Buf *out) {
    Bits b = {0};
    put_bits(&b, 66, 8);   /* Baseline */
    put_bits(&b, 0xc0, 8); /* constrained */
    put_bits(&b, 10, 8);   /* level 1.0 */
    put_ue(&b, 0);         /* sps id */
    put_ue(&b, LOG2_FRAME_NUM - 4);
    put_ue(&b, 2); /* picture order = decoding order */
    put_ue(&b, 1); /* one reference frame */
    put_bits(&b, 0, 1);
    put_ue(&b, 0);      /* width - 1 in macroblocks */
    put_ue(&b, 0);      /* height - 1 */
    put_bits(&b, 1, 1); /* frames only */
    put_bits(&b, 0, 1); /* direct 8x8 */
    put_bits(&b, 0, 1); /* no cropping */
    put_bits(&b, 0, 1); /* no VUI */
    put_trailing(&b);
    put_nal(out, 0x67, &b);
}

static void put_pps(Buf *out) {
    Bits b = {0};
    put_ue(&b, 0);      /* pps id */
    put_ue(&b, 0);      /* sps id */
    put_bits(&b, 0, 1); /* CAVLC */
    put_bits(&b, 0, 1);
    put_ue(&b, 0); /* one slice group */
    put_ue(&b, 0);
    put_ue(&b, 0);
    put_bits(&b, 0, 3); /* no weighted prediction */
    put_ue(&b, 0);      /* init_qp 26 */
    put_ue(&b, 0);
    put_ue(&b, 0);
    put_bits(&b, 1, 1); /* deblocking control present */
    put_bits(&b, 0, 2);
    put_trailing(&b);
    put_nal(out, 0x68, &b);
}

static void put_be16(Buf *out, size_t n) {
    uint8_t be[2] = {(uint8_t)(n >> 8), (uint8_t)n};
    buf_put(out, be, 2);
}

void media_video_header(Buf *out) {
    Buf sps = {0}, pps = {0};
    put_sps(&sps);
    put_pps(&pps);
    buf_put(out, "\x17\x00\x00\x00\x00", 5); /* key, AVC, header, cts 0 */
    buf_put(out, "\x01", 1);
    buf_put(out, sps.data + 1, 3);
    buf_put(out, "\xff\xe1", 2); /* 4-byte lengths, one SPS */
    put_be16(out, sps.len);
    buf_put(out, sps.data, sps.len);
    buf_put(out, "\x01", 1);
    put_be16(out, pps.len);
    buf_put(out, pps.data, pps.len);
    buf_free(&sps);
    buf_free(&pps);
}

void media_video_frame(Buf *out, unsigned n, unsigned key_every) {
    bool key = n % key_every == 0;
    unsigned frame_num = n % key_every;
    Bits b = {0};
    put_ue(&b, 0);           /* first macroblock */
    put_ue(&b, key ? 7 : 5); /* I or P */
    put_ue(&b, 0);           /* pps id */
    put_bits(&b, frame_num, LOG2_FRAME_NUM);
    if (key) {
        put_ue(&b, n / key_every % 2); /* neighbours differ */
        put_bits(&b, 0, 2);            /* no_output, long_term */
    } else {
        put_bits(&b, 0, 1); /* default reference count */
        put_bits(&b, 0, 1); /* no reordering */
        put_bits(&b, 0, 1); /* sliding window */
    }
    put_ue(&b, 0); /* slice_qp_delta */
    put_ue(&b, 1); /* deblocking off */
    if (key) {
        put_ue(&b, 25); /* I_PCM */
        b.bits = (b.bits + 7) / 8 * 8;
        for (unsigned i = 0; i < 384; i++) /* luma ramp, grey chroma */
            put_bits(&b, i < 256 ? 16 + (i + 8 * n) % 200 : 128, 8);
    } else {
        put_ue(&b, 1); /* skip the one macroblock */
    }
    put_trailing(&b);

    Buf nal = {0};
    put_nal(&nal, key ? NAL_IDR : NAL_SLICE, &b);
    buf_put(out, key ? "\x17\x01\x00\x00\x00" : "\x27\x01\x00\x00\x00", 5);
    put_be16(out, 0);
    put_be16(out, nal.len);
    buf_put(out, nal.data, nal.len);
    buf_free(&nal);
}

void media_audio_header(Buf *out) {
    buf_put(out, "\xaf\x00\x12\x08", 4); /* AAC LC, 44100 Hz, mono */
}

void media_audio_frame(Buf *out) {
    /* one channel element: gain, long window, no bands; then the end */
    buf_put(out, "\xaf\x01\x01\x18\x00\x07", 6);
}
