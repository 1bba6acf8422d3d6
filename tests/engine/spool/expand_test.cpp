#include "engine/spool/expand.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <random>

#include "engine/runtime/memory_file_system.hpp"

namespace trunkline::engine {
namespace {

using testing::HasSubstr;
using octets = std::vector<std::uint8_t>;

octets gzip(const octets& plain) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  octets out(deflateBound(&stream, static_cast<uLong>(plain.size())) + 64);
  stream.next_in = const_cast<Bytef*>(plain.data());
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

octets zstd(const octets& plain) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  octets out(ZSTD_compressBound(plain.size()));
  out.resize(ZSTD_compress2(context, out.data(), out.size(), plain.data(), plain.size()));
  ZSTD_freeCCtx(context);
  return out;
}

octets lines(std::size_t count) {
  std::mt19937 random(7);
  octets text;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string line = "{\"to\":\"49" + std::to_string(random()) + "\",\"text\":\"Hi\"}\n";
    text.insert(text.end(), line.begin(), line.end());
  }
  return text;
}

class expand_test : public testing::TestWithParam<compression> {
 protected:
  octets pack(const octets& plain) const { return GetParam() == compression::gzip ? gzip(plain) : zstd(plain); }

  std::unique_ptr<file> put(const std::string& path, const octets& content) {
    auto opened = files_.open(path, open_mode::read_write_create);
    EXPECT_TRUE((*opened)->truncate(0));
    EXPECT_TRUE((*opened)->write_at(content, 0));
    return std::move(*opened);
  }
  octets get(file& from) {
    octets all(from.size().value());
    EXPECT_TRUE(from.read_at(all, 0));
    return all;
  }
  tl::expected<std::uint64_t, expand_error> expand(const octets& packed, expand_limits limits = {}) {
    const auto input = put("/in", packed);
    output_ = put("/out", {});
    return expand_file(GetParam(), *input, *output_, limits);
  }

  memory_file_system files_;
  std::unique_ptr<file> output_;
};

TEST_P(expand_test, gives_back_what_was_packed) {
  // Sizes around the buffers, where the decoder still holds output when its input has ended.
  for (const std::size_t size : {0U, 1U, 1000U, 262'143U, 262'144U, 262'145U, 524'288U, 2'000'000U}) {
    octets plain = lines(size / 20 + 1);
    plain.resize(size);
    const auto got = expand(pack(plain));
    ASSERT_TRUE(got) << size << ": " << got.error().text;
    EXPECT_EQ(*got, size);
    EXPECT_EQ(get(*output_), plain) << size;
    const auto zeros = expand(pack(octets(size)), {std::uint64_t{1} << 40, 100'000});
    ASSERT_TRUE(zeros) << size << ": " << zeros.error().text;
    EXPECT_EQ(*zeros, size);
  }
}

TEST_P(expand_test, joins_members) {
  const octets first = lines(5'000);
  octets packed = pack(first);
  const octets second = pack({'x', '\n'});
  packed.insert(packed.end(), second.begin(), second.end());
  octets expected = first;
  expected.insert(expected.end(), {'x', '\n'});
  const auto got = expand(packed);
  ASSERT_TRUE(got) << got.error().text;
  EXPECT_EQ(get(*output_), expected);
}

TEST_P(expand_test, truncated_anywhere_is_an_error) {
  const octets packed = pack(lines(10));
  for (std::size_t size = 0; size < packed.size(); ++size) {
    const auto got = expand(octets(packed.begin(), packed.begin() + static_cast<std::ptrdiff_t>(size)));
    ASSERT_FALSE(got) << size;
    EXPECT_FALSE(got.error().io) << size;
    EXPECT_THAT(got.error().text, HasSubstr(size == 0 ? "empty" : "ends within")) << size;
    EXPECT_EQ(got.error().offset, size);
  }
}

TEST_P(expand_test, no_flipped_bit_changes_the_content_unnoticed) {
  const octets plain = lines(10);
  const octets packed = pack(plain);
  for (std::size_t at = 0; at < packed.size(); ++at) {
    for (const unsigned bit : {1U, 16U, 128U}) {
      octets damaged = packed;
      damaged[at] = static_cast<std::uint8_t>(damaged[at] ^ bit);
      // What the formats do not protect is harmless: a name or a time in the header.
      if (expand(damaged)) {
        EXPECT_EQ(get(*output_), plain) << at;
      }
    }
  }
}

TEST_P(expand_test, trailing_garbage_is_an_error) {
  octets packed = pack(lines(10));
  const std::size_t whole = packed.size();
  for (const char c : std::string_view("garbage")) packed.push_back(static_cast<std::uint8_t>(c));
  const auto got = expand(packed);
  ASSERT_FALSE(got);
  EXPECT_THAT(got.error().text, HasSubstr("offset"));
  EXPECT_GE(got.error().offset, whole);
}

TEST_P(expand_test, something_else_is_an_error) {
  const auto got = expand(lines(3));
  ASSERT_FALSE(got);
  EXPECT_THAT(got.error().text, HasSubstr(GetParam() == compression::gzip ? "incorrect header" : "Unknown frame"));
}

TEST_P(expand_test, is_bounded) {
  const octets bomb = pack(octets(64U << 20));
  const auto by_size = expand(bomb, {1'000'000, 1U << 30});
  ASSERT_FALSE(by_size);
  EXPECT_THAT(by_size.error().text, HasSubstr("more than 1000000 octets"));
  EXPECT_LE(output_->size().value(), 1'000'000U);
  const auto by_ratio = expand(bomb, {std::uint64_t{1} << 40, 500});
  ASSERT_FALSE(by_ratio);
  EXPECT_THAT(by_ratio.error().text, HasSubstr("500 times"));
  EXPECT_LE(output_->size().value(), 20U << 20);
}

TEST_P(expand_test, works_in_steps) {
  const octets plain = lines(100'000);
  const auto input = put("/in", pack(plain));
  output_ = put("/out", {});
  expander all(GetParam(), *input, *output_);
  int steps = 0;
  std::uint64_t before = 0;
  for (;; ++steps) {
    const auto done = all.step(1);
    ASSERT_TRUE(done) << done.error().text;
    EXPECT_LE(all.expanded_bytes() - before, 512U << 10);
    before = all.expanded_bytes();
    if (*done) break;
  }
  EXPECT_GT(steps, 5);
  EXPECT_EQ(get(*output_), plain);
  EXPECT_TRUE(all.step(1).value());
}

TEST_P(expand_test, tells_faults_of_the_file_system_apart) {
  const octets packed = pack(lines(100));
  for (const file_operation failing : {file_operation::read, file_operation::write}) {
    const auto input = put("/in", packed);
    output_ = put("/out", {});
    files_.set_fault_hook([&](file_operation operation, const std::string&) -> std::optional<std::error_code> {
      if (operation != failing) return std::nullopt;
      return std::make_error_code(std::errc::no_space_on_device);
    });
    const auto got = expand_file(GetParam(), *input, *output_);
    files_.set_fault_hook({});
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().io, std::errc::no_space_on_device);
  }
}

INSTANTIATE_TEST_SUITE_P(forms, expand_test, testing::Values(compression::gzip, compression::zstd),
                         [](const auto& form) { return form.param == compression::gzip ? "gzip" : "zstd"; });

TEST(expand, zeros_behind_a_gzip_file_are_padding) {
  memory_file_system files;
  octets packed = gzip({'a'});
  packed.resize(packed.size() + 512);
  auto input = files.open("/in", open_mode::read_write_create).value();
  ASSERT_TRUE(input->write_at(packed, 0));
  auto output = files.open("/out", open_mode::read_write_create).value();
  EXPECT_EQ(expand_file(compression::gzip, *input, *output).value(), 1U);
}

TEST(expand, goes_by_the_ending_of_the_name) {
  EXPECT_EQ(compression_of("a.jsonl"), compression::none);
  EXPECT_EQ(compression_of("a.jsonl.gz"), compression::gzip);
  EXPECT_EQ(compression_of("a.csv.zst"), compression::zstd);
}

}  // namespace
}  // namespace trunkline::engine
