// Recorded offers, and each with one line changed.
#include "codec/sdp.h"

#include "../support/test.h"

using namespace ks;
using namespace ks::codec;

namespace {

std::string offer(std::string_view name) {
    return test::data(std::string(name) + ".sdp");
}

// Every `from` becomes `to`; the test fails if there is none.
std::string with(std::string text, std::string_view from, std::string_view to) {
    size_t at = text.find(from);
    assert_row(from, at != std::string::npos);
    while (at != std::string::npos) {
        text.replace(at, from.size(), to);
        at = text.find(from, at + to.size());
    }
    return text;
}

std::string with_first(std::string text, std::string_view from,
                       std::string_view to) {
    size_t at = text.find(from);
    assert_row(from, at != std::string::npos);
    return text.replace(at, from.size(), to);
}

std::string with_lf(const std::string &text) {
    return with(text, "\r\n", "\n");
}

void refused(const Result<OfferInfo> &r, Code code, std::string_view says,
             std::string_view row) {
    assert_row(row, !r.ok());
    bool right = r.error().code == code &&
                 r.error().detail.find(says) != std::string::npos;
    if (!right) {
        print_error("%s: %s\n", code_name(r.error().code).data(),
                    r.error().detail.c_str());
    }
    assert_row(row, right);
}

void recorded_offers_pass(void **) {
    struct {
        const char *name;
        const char *ufrag;
        bool video;
    } rows[] = {
        {"chromium-whip", "5Jkk", true},
        {"chromium-whip-fetch", nullptr, true},
        {"chromium-whip-audio-only", nullptr, false},
        {"ffmpeg-whip", "0ac5e5d9", true},
        {"obs-whip", "oLZB", true},
    };
    for (auto &row : rows) {
        for (const std::string &text :
             {offer(row.name), with_lf(offer(row.name)),
              offer(row.name) + "\r\n"}) {
            auto info = check_whip_offer(text);
            if (!info.ok()) {
                print_error("%s\n", info.error().detail.c_str());
            }
            assert_row(row.name, info.ok());
            assert_row(row.name, info->has_audio);
            assert_row(row.name, info->has_video == row.video);
            assert_row(row.name, info->ufrag.size() >= 4);
            if (row.ufrag != nullptr) {
                assert_text(info->ufrag, row.ufrag);
            }
        }
    }
    auto info = check_whep_offer(offer("chromium-whep"));
    assert_true(info.ok());
    assert_true(info->has_audio && info->has_video);
}

// What SRS hangs up on is named instead.
void recorded_offers_that_srs_drops(void **) {
    struct {
        const char *name;
        const char *says;
    } rows[] = {
        {"chromium-whip-datachannel", "data channel"},
        {"chromium-whip-no-bundle", "a=group:BUNDLE"},
        {"chromium-whip-no-rtcp-mux", "lacks a=rtcp-mux"},
        {"chromium-whip-only-vp8", "offers VP8, but not H264 with"},
        {"chromium-whip-only-vp9", "offers VP9, but not H264 with"},
        {"chromium-whip-only-av1", "offers AV1, but not H264 with"},
        {"chromium-whip-no-ice", "lacks a=ice-ufrag"},
        {"chromium-whep", "is recvonly: it must be sendonly or sendrecv"},
    };
    for (auto &row : rows) {
        refused(check_whip_offer(offer(row.name)), Code::unsupported_sdp,
                row.says, row.name);
    }
    refused(check_whep_offer(offer("chromium-whip")), Code::unsupported_sdp,
            "is sendonly: it must be recvonly or sendrecv", "whep");
}

// W-3
void malformed_is_400(void **) {
    std::string good = offer("chromium-whip");
    struct {
        const char *row;
        std::string text;
        const char *says;
    } rows[] = {
        {"empty", "", "empty"},
        {"garbage", "garbage", "line 1"},
        {"JSON", "{\"sdp\":\"v=0\"}", "line 1"},
        {"a line end", "\r\n", "line 1"},
        {"another version", with_first(good, "v=0", "v=1"), "v=0"},
        {"twice v", with_first(good, "s=-", "v=0"), "line 3"},
        {"head alone", "v=0\r\n", "v=, o= and s="},
        {"no origin", with_first(good, "o=-", "x=-"), "o= and s="},
        {"no name", with_first(good, "s=-\r\n", ""), "o= and s="},
        {"a line without a letter", with_first(good, "a=mid:0", "mid:0"),
         "line 16"},
        {"an empty line", with_first(good, "a=mid:0", ""), "line 16"},
        {"a capital", with_first(good, "a=mid:0", "A=mid:0"), "line 16"},
        {"a NUL", with_first(good, "a=mid:0", std::string_view("a=mid:0\0", 8)),
         "control"},
        {"a bare CR", with_first(good, "a=mid:0\r\n", "a=mid:0\r"), "control"},
        {"a port that is none", with_first(good, "m=audio 9", "m=audio x"),
         "m= has"},
        {"a port too high", with_first(good, "m=audio 9", "m=audio 65536"),
         "m= has"},
        {"no formats",
         with_first(good, "SAVPF 111 63 9 0 8 13 110 126", "SAVPF"), "m= has"},
        {"a nameless attribute", with_first(good, "a=mid:0", "a=:0"),
         "a= has a name"},
        {"the same mid twice", with_first(good, "a=mid:1", "a=mid:0"),
         "same mid"},
        {"two mids", with_first(good, "a=mid:0", "a=mid:0\r\na=mid:5"),
         "one mid"},
        {"a short ufrag", with(good, "a=ice-ufrag:5Jkk", "a=ice-ufrag:5J"),
         "ice-ufrag"},
        {"a ufrag with a colon",
         with(good, "a=ice-ufrag:5Jkk", "a=ice-ufrag:5J:kk"), "ice-ufrag"},
        {"a short password",
         with(good, "a=ice-pwd:dr/JZcvCgfHVgs3J5Aez8nQF", "a=ice-pwd:dr"),
         "ice-pwd"},
        {"two BUNDLE groups",
         with_first(good, "a=group:BUNDLE 0 1",
                    "a=group:BUNDLE 0\r\na=group:BUNDLE 1"),
         "two BUNDLE"},
        {"too large", good + std::string(64 * 1024, 'a'), "64 KiB"},
    };
    for (auto &row : rows) {
        refused(check_whip_offer(row.text), Code::invalid_sdp, row.says,
                row.row);
        assert_row(row.row, check_whep_offer(row.text).error().code ==
                                Code::invalid_sdp);
    }
}

void bounded_in_sections_and_formats(void **) {
    std::string head = "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n";
    std::string many = head;
    for (int i = 0; i < 17; i++) {
        many += "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n";
    }
    refused(check_whip_offer(many), Code::invalid_sdp, "16 media sections",
            "sections");
    std::string formats = head + "m=audio 9 UDP/TLS/RTP/SAVPF";
    for (int i = 0; i < 129; i++) {
        formats += " " + std::to_string(i);
    }
    refused(check_whip_offer(formats), Code::invalid_sdp, "128 formats",
            "formats");
    std::string group = head + "a=group:BUNDLE";
    for (int i = 0; i < 17; i++) {
        group += " " + std::to_string(i);
    }
    refused(check_whip_offer(group), Code::invalid_sdp, "16 entries", "group");
    refused(check_whip_offer(head), Code::unsupported_sdp,
            "neither audio nor video", "no sections");
}

// W-26
void direction(void **) {
    std::string good = offer("chromium-whip");
    assert_true(check_whip_offer(with(good, "sendonly", "sendrecv")).ok());
    assert_true(check_whip_offer(with(good, "a=sendonly\r\n", "")).ok());
    for (const char *way : {"recvonly", "inactive"}) {
        refused(check_whip_offer(with(good, "sendonly", way)),
                Code::unsupported_sdp, way, way);
        refused(check_whip_offer(with_first(good, "sendonly", way)),
                Code::unsupported_sdp, "m=audio", way);
    }
    std::string for_session = with(good, "a=sendonly\r\n", "");
    for_session = with_first(for_session, "t=0 0", "t=0 0\r\na=recvonly");
    refused(check_whip_offer(for_session), Code::unsupported_sdp, "recvonly",
            "at session level");

    std::string play = offer("chromium-whep");
    assert_true(check_whep_offer(with(play, "recvonly", "sendrecv")).ok());
    refused(check_whep_offer(with(play, "recvonly", "inactive")),
            Code::unsupported_sdp, "inactive", "whep");
}

// W-27
void bundle_and_mux(void **) {
    std::string good = offer("chromium-whip");
    refused(check_whip_offer(with(good, "BUNDLE 0 1", "BUNDLE 0")),
            Code::unsupported_sdp, "m=video section is not in the BUNDLE",
            "one left out");
    refused(check_whip_offer(with(good, "a=mid:1\r\n", "")),
            Code::unsupported_sdp, "m=video section is not in the BUNDLE",
            "without mid");
    refused(check_whip_offer(with(good, "a=group:BUNDLE", "a=group:LS")),
            Code::unsupported_sdp, "lacks a=group:BUNDLE", "lip sync");
    refused(check_whip_offer(with_first(good, "a=rtcp-mux\r\n", "")),
            Code::unsupported_sdp, "m=audio section lacks a=rtcp-mux",
            "no mux");
    assert_true(check_whip_offer(with(good, "a=rtcp-mux\r\n",
                                      "a=rtcp-mux\r\na=rtcp-mux-only\r\n"))
                    .ok());
    assert_true(check_whip_offer(
                    with(good, "m=video 9 ", "m=video 0 ") // as RFC 9143 has it
                        .insert(good.find("a=mid:1"), "a=bundle-only\r\n"))
                    .ok());
    refused(check_whip_offer(with(good, "m=video 9 ", "m=video 0 ")),
            Code::unsupported_sdp, "port 0", "switched off");
}

// W-28
void one_track_of_each_kind(void **) {
    std::string good = offer("obs-whip");
    std::string video = good.substr(good.find("m=video"));
    std::string second =
        with(with(video, "a=mid:1", "a=mid:2"), "-video", "-screen");
    refused(check_whip_offer(with(good, "BUNDLE 0 1", "BUNDLE 0 1 2") + second),
            Code::unsupported_sdp, "two m=video sections", "two sections");
    refused(
        check_whip_offer(good + "a=ssrc:99 msid:Zr4VnQp2 Zr4VnQp2-screen\r\n"),
        Code::unsupported_sdp, "several tracks", "plan B");
    assert_true(check_whip_offer(with(good, "a=msid:Zr4VnQp2 Zr4VnQp2-video",
                                      "a=msid:other other"))
                    .ok());
}

// W-29
void dtls_roles(void **) {
    std::string good = offer("chromium-whip");
    for (const char *role : {"active", "passive"}) {
        assert_row(role, check_whip_offer(with(good, "actpass", role)).ok());
    }
    assert_true(check_whip_offer(with(good, "a=setup:actpass\r\n", "")).ok());
    refused(check_whip_offer(with(good, "actpass", "holdconn")),
            Code::unsupported_sdp, "a=setup", "holdconn");
    refused(check_whip_offer(with(good, "a=ice-pwd:", "a=ice-pass:")),
            Code::unsupported_sdp, "a=ice-pwd", "no password");
    refused(check_whip_offer(with(good, "a=fingerprint:", "a=finger:")),
            Code::unsupported_sdp, "a=fingerprint", "no fingerprint");
}

// W-30
void simulcast_is_no_reason_to_refuse(void **) {
    std::string good = offer("obs-whip");
    assert_true(check_whip_offer(good + "a=rid:hi send\r\na=rid:lo send\r\n"
                                        "a=simulcast:send hi;lo\r\n")
                    .ok());
}

void codecs(void **) {
    std::string good = offer("chromium-whip");
    refused(check_whip_offer(with(good, "opus/48000", "G729/8000")),
            Code::unsupported_sdp, "but not Opus", "audio");
    refused(check_whip_offer(
                with(good, "packetization-mode=1", "packetization-mode=0")),
            Code::unsupported_sdp, "H264 with packetization-mode=1", "mode 0");
    refused(check_whip_offer(with(good, "a=fmtp:", "a=fmtx:")),
            Code::unsupported_sdp, "H264 with packetization-mode=1",
            "without fmtp");
    refused(check_whip_offer(
                with(good, "packetization-mode=1", "packetization-mode=11")),
            Code::unsupported_sdp, "packetization-mode", "mode 11");
    assert_true(check_whip_offer(with(good, "H264/90000", "h264/90000")).ok());
    assert_true(check_whip_offer(with(good, ";packetization-mode=1;",
                                      "; packetization-mode=1 ;"))
                    .ok());
    // A payload type that m= does not list is not offered.
    refused(check_whip_offer(with(offer("obs-whip"), "SAVPF 96", "SAVPF 97")),
            Code::unsupported_sdp, "H264", "not listed");

    std::string play = offer("chromium-whep");
    assert_true(check_whep_offer(
                    with(play, "packetization-mode=1", "packetization-mode=0"))
                    .ok());
    refused(check_whep_offer(with(play, "H264/90000", "VP8/90000")),
            Code::unsupported_sdp, "but not H264.", "play");
}

void other_kinds_and_protocols(void **) {
    std::string good = offer("chromium-whip");
    assert_true(
        check_whip_offer(with(good, "m=audio 9 ", "m=audio 9/2 ")).ok());
    refused(check_whip_offer(with(good, "m=video", "m=text")),
            Code::unsupported_sdp, "neither audio nor video", "text");
    refused(check_whip_offer(with(good, "UDP/TLS/RTP/SAVPF", "RTP/AVP")),
            Code::unsupported_sdp, "UDP/TLS/RTP/SAVPF", "plain RTP");
}

// The detail goes to people and logs: nothing long or strange from the offer.
void details_stay_short(void **) {
    std::string text =
        with(offer("obs-whip"), "H264/90000", std::string(300, 'x') + "/90000");
    auto r = check_whip_offer(text);
    assert_false(r.ok());
    assert_true(r.error().detail.size() < 200);
}

// W-20, W-21
void trickle_fragments(void **) {
    std::string good = test::data("trickle.sdpfrag");
    for (const std::string &text : {good, with_lf(good)}) {
        auto fragment = check_trickle_fragment(text);
        assert_true(fragment.ok());
        assert_text(fragment->ufrag, "EsAw");
        assert_int_equal(fragment->candidates, 1);
        assert_true(fragment->end);
    }
    struct {
        const char *row;
        std::string text;
        bool fine;
    } rows[] = {
        {"end alone", "a=end-of-candidates\r\n", true},
        {"unknown transport", with(good, " udp ", " quic "), true},
        {"a name for an address", with(good, "192.0.2.1", "x.local"), true},
        {"unknown attribute", good + "a=whatever:1\r\n", true},
        {"empty", "", false},
        {"garbage", "garbage", false},
        {"an offer", offer("chromium-whip"), false},
        {"JSON", "{}", false},
        {"an empty line inside", "a=mid:0\r\n\r\na=mid:1\r\n", false},
        {"a line end alone", "\r\n", false},
        {"a bare a=", "a=\r\n", false},
        {"short candidate", "a=candidate:1 1 udp\r\n", false},
        {"no type", with(good, " typ host", ""), false},
        {"a port that is none", with(good, "61764", "x"), false},
        {"a short ufrag", with(good, "ufrag:EsAw", "ufrag:Es"), false},
        {"a short password", with(good, "P2uYro0UCOQ4zxjKXaWCBui1", "P2uYro"),
         false},
        {"two ufrags", good + "a=ice-ufrag:Other\r\n", false},
        {"the same ufrag again", good + "a=ice-ufrag:EsAw\r\n", true},
        {"a NUL", good + std::string("a=x\0\r\n", 6), false},
        {"too large", std::string(65 * 1024, 'a'), false},
    };
    for (auto &row : rows) {
        auto fragment = check_trickle_fragment(row.text);
        assert_row(row.row, fragment.ok() == row.fine);
        assert_row(row.row,
                   fragment.ok() || fragment.error().code == Code::invalid_sdp);
    }
}

void control_characters_wherever_they_are(void **) {
    std::string good = offer("obs-whip");
    for (unsigned c = 0; c < 256; c++) {
        bool fine = (c >= 0x20 && c != 0x7f) || c == '\t';
        for (size_t at = 0; at < 20; at++) {
            std::string line(20, 'x');
            line[at] = static_cast<char>(c);
            std::string text =
                with_first(good, "t=0 0", "t=0 0\r\na=x" + line + "y");
            if (c != '\n') {
                assert_row(line, check_whip_offer(text).ok() == fine);
            }
        }
    }
}

// Half an offer is refused or is still one, but never reads past its end
// (under the sanitizers).
void cut_anywhere(void **) {
    std::string good = offer("obs-whip");
    for (size_t n = 0; n < good.size(); n++) {
        std::string part = good.substr(0, n);
        auto copy = std::make_unique<char[]>(n);
        std::copy(part.begin(), part.end(), copy.get());
        auto r = check_whip_offer({copy.get(), n});
        assert_true(r.ok() || r.error().code == Code::invalid_sdp ||
                    r.error().code == Code::unsupported_sdp);
    }
}

} // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(recorded_offers_pass),
        cmocka_unit_test(recorded_offers_that_srs_drops),
        cmocka_unit_test(malformed_is_400),
        cmocka_unit_test(bounded_in_sections_and_formats),
        cmocka_unit_test(direction),
        cmocka_unit_test(bundle_and_mux),
        cmocka_unit_test(one_track_of_each_kind),
        cmocka_unit_test(dtls_roles),
        cmocka_unit_test(simulcast_is_no_reason_to_refuse),
        cmocka_unit_test(codecs),
        cmocka_unit_test(other_kinds_and_protocols),
        cmocka_unit_test(details_stay_short),
        cmocka_unit_test(trickle_fragments),
        cmocka_unit_test(control_characters_wherever_they_are),
        cmocka_unit_test(cut_anywhere),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
