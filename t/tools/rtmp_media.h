/* The smallest real media: 16x16 H.264 and silent AAC, made by hand. */
#ifndef RTMP_MEDIA_H
#define RTMP_MEDIA_H

#include "rtmp_wire.h"

/* FLV tag bodies, as RTMP carries them */
void media_video_header(Buf *out);
void media_audio_header(Buf *out);
/* frame number n; every key_every-th is a key frame */
void media_video_frame(Buf *out, unsigned n, unsigned key_every);
void media_audio_frame(Buf *out);

enum { MEDIA_AUDIO_RATE = 44100, MEDIA_AUDIO_SAMPLES = 1024 };

#endif
