// Compressed batches to plain ones. Both formats are streams of members (gzip) or frames (zstd) that may follow one
// another; a file that ends within one is damaged. The libraries check the checksums; the bounds are ours.
#include "engine/spool/expand.hpp"

#include <array>
#include <vector>

#include <zlib.h>
#include <zstd.h>

namespace trunkline::engine {
namespace {

constexpr std::size_t input_bytes = 128U << 10;
constexpr std::size_t output_bytes = 256U << 10;
constexpr std::uint64_t ratio_free_bytes = 16U << 20;
constexpr int gzip_window_bits = 15 + 16;  // 32 KiB window, gzip header and trailer only
constexpr int zstd_max_window_log = 25;    // 32 MiB: all levels up to 20; more memory is not given to a file's wish

/// One library's stream. `run` consumes and produces what it can.
struct decoder {
  struct turn {
    std::size_t consumed = 0;
    std::size_t produced = 0;
    bool member_ended = false;
    std::string fault;
  };
  decoder() = default;
  decoder(const decoder&) = delete;
  decoder& operator=(const decoder&) = delete;
  virtual ~decoder() = default;
  virtual turn run(std::span<const std::uint8_t> in, std::span<std::uint8_t> out) = 0;
};

class gzip_decoder final : public decoder {
 public:
  gzip_decoder() { ready_ = inflateInit2(&stream_, gzip_window_bits) == Z_OK; }
  ~gzip_decoder() override { inflateEnd(&stream_); }

  turn run(std::span<const std::uint8_t> in, std::span<std::uint8_t> out) override {
    turn done;
    if (!ready_) {
      done.fault = "no memory";
      return done;
    }
    if (ended_) {
      inflateReset(&stream_);
      ended_ = false;
    }
    stream_.next_in = const_cast<Bytef*>(in.data());  // zlib does not write there
    stream_.avail_in = static_cast<uInt>(in.size());
    stream_.next_out = out.data();
    stream_.avail_out = static_cast<uInt>(out.size());
    const int answer = inflate(&stream_, Z_NO_FLUSH);
    done.consumed = in.size() - stream_.avail_in;
    done.produced = out.size() - stream_.avail_out;
    ended_ = done.member_ended = answer == Z_STREAM_END;
    if (answer == Z_NEED_DICT) {
      done.fault = "needs a dictionary";
    } else if (answer != Z_OK && answer != Z_STREAM_END && answer != Z_BUF_ERROR) {
      done.fault = stream_.msg != nullptr ? stream_.msg : zError(answer);
    }
    return done;
  }

 private:
  z_stream stream_{};
  bool ready_ = false;
  bool ended_ = false;
};

class zstd_decoder final : public decoder {
 public:
  zstd_decoder() : context_(ZSTD_createDCtx()) {
    if (context_ != nullptr) ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, zstd_max_window_log);
  }
  ~zstd_decoder() override { ZSTD_freeDCtx(context_); }

  turn run(std::span<const std::uint8_t> in, std::span<std::uint8_t> out) override {
    turn done;
    if (context_ == nullptr) {
      done.fault = "no memory";
      return done;
    }
    ZSTD_inBuffer source{in.data(), in.size(), 0};
    ZSTD_outBuffer target{out.data(), out.size(), 0};
    const std::size_t answer = ZSTD_decompressStream(context_, &target, &source);
    done.consumed = source.pos;
    done.produced = target.pos;
    if (ZSTD_isError(answer) != 0U) {
      done.fault = ZSTD_getErrorName(answer);
    } else {
      done.member_ended = answer == 0;
    }
    return done;
  }

 private:
  ZSTD_DCtx* context_;
};

std::unique_ptr<decoder> make_decoder(compression kind) {
  if (kind == compression::gzip) return std::make_unique<gzip_decoder>();
  if (kind == compression::zstd) return std::make_unique<zstd_decoder>();
  return nullptr;
}

bool all_zero(std::span<const std::uint8_t> octets) noexcept {
  for (const std::uint8_t octet : octets)
    if (octet != 0) return false;
  return true;
}

}  // namespace

compression compression_of(std::string_view name) noexcept {
  if (name.ends_with(".gz")) return compression::gzip;
  if (name.ends_with(".zst")) return compression::zstd;
  return compression::none;
}

struct expander::state {
  state(compression form, file& from, file& to, expand_limits bounds)
      : kind(form),
        input(&from),
        output(&to),
        limits(bounds),
        engine(make_decoder(form)),
        in(input_bytes),
        out(output_bytes) {}

  compression kind;
  file* input;
  file* output;
  expand_limits limits;
  std::unique_ptr<decoder> engine;
  std::vector<std::uint8_t> in;
  std::vector<std::uint8_t> out;
  std::size_t in_at = 0;
  std::size_t in_end = 0;
  std::uint64_t in_offset = 0;  // file offset of in[in_end]
  std::uint64_t written = 0;
  std::uint64_t members = 0;
  bool within_member = false;
  bool output_full = false;  // the last turn filled `out`
  bool done = false;

  std::uint64_t offset() const noexcept { return in_offset - (in_end - in_at); }

  tl::unexpected<expand_error> refuse(std::string text) {
    done = true;
    return tl::unexpected<expand_error>(
        {(kind == compression::gzip ? "gzip: " : "zstd: ") + text + " at offset " + std::to_string(offset()),
         offset(),
         {}});
  }
  tl::unexpected<expand_error> failed(std::string_view what, std::error_code io) {
    done = true;
    return tl::unexpected<expand_error>({std::string(what) + ": " + io.message(), offset(), io});
  }

  // Reads on when nothing is left; true at the end of the file.
  result<bool> refill() {
    if (in_at != in_end) return false;
    const auto got = input->read_at(in, in_offset);
    if (!got) return tl::unexpected(got.error());
    in_at = 0;
    in_end = *got;
    in_offset += *got;
    return *got == 0;
  }
};

expander::expander(compression kind, file& input, file& output, expand_limits limits)
    : state_(std::make_unique<state>(kind, input, output, limits)) {}
expander::~expander() = default;
expander::expander(expander&&) noexcept = default;
expander& expander::operator=(expander&&) noexcept = default;

std::uint64_t expander::expanded_bytes() const noexcept { return state_->written; }

tl::expected<bool, expand_error> expander::step(std::uint64_t max_bytes) {
  state& s = *state_;
  if (s.engine == nullptr) return s.refuse("not a compressed format");
  if (s.done) return true;
  for (const std::uint64_t stop = s.written + max_bytes; s.written < stop;) {
    const auto ended = s.refill();
    if (!ended) return s.failed("cannot read the compressed file", ended.error());
    // The decoder may still hold output when the last turn had no room for it.
    if (*ended && !(s.within_member && s.output_full)) {
      if (s.within_member) return s.refuse("the file ends within its data");
      if (s.members == 0) return s.refuse("the file is empty");
      s.done = true;
      return true;
    }
    const auto in = std::span<const std::uint8_t>(s.in).subspan(s.in_at, s.in_end - s.in_at);
    // gzip members may be followed by zeros that fill up a block of a tape (gzip's own programs skip them).
    if (!s.within_member && s.members != 0 && s.kind == compression::gzip && all_zero(in)) {
      s.in_at = s.in_end;
      continue;
    }
    const decoder::turn turn = s.engine->run(in, s.out);
    s.in_at += turn.consumed;
    if (!turn.fault.empty()) return s.refuse(turn.fault);
    s.within_member = !turn.member_ended;
    if (turn.member_ended) ++s.members;
    s.output_full = turn.produced == s.out.size();
    if (s.written + turn.produced > s.limits.max_bytes) {
      return s.refuse("it expands to more than " + std::to_string(s.limits.max_bytes) + " octets");
    }
    if (turn.produced != 0) {
      const auto wrote = s.output->write_at(std::span<const std::uint8_t>(s.out).first(turn.produced), s.written);
      if (!wrote) return s.failed("cannot write the expanded file", wrote.error());
      s.written += turn.produced;
    }
    if (s.written > ratio_free_bytes && s.written / (s.offset() + 1) >= s.limits.max_ratio) {
      return s.refuse("it expands more than " + std::to_string(s.limits.max_ratio) + " times");
    }
  }
  return false;
}

tl::expected<std::uint64_t, expand_error> expand_file(compression kind, file& input, file& output,
                                                      expand_limits limits) {
  expander all(kind, input, output, limits);
  for (;;) {
    const auto done = all.step(output_bytes);
    if (!done) return tl::unexpected(done.error());
    if (*done) return all.expanded_bytes();
  }
}

}  // namespace trunkline::engine
