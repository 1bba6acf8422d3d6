#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace trunkline::engine::test {

/// A file for the spool, and what must become of it.
struct test_batch_file {
  std::string name;
  std::string contents;
  struct expected {
    std::string number;  ///< destination on the wire; empty: a bad line, to be rejected
    unsigned parts = 1;
  };
  std::map<std::uint32_t, expected> lines;  ///< by physical line
  bool hold = false;                        ///< on_unknown = "hold": nothing may arrive twice
};

inline std::string test_number(unsigned batch, unsigned line) {
  std::string n = std::to_string(line);
  return "4917" + std::string(1, static_cast<char>('0' + batch)) + std::string(6 - n.size(), '0') + n;
}

/// JSON Lines with everything that is odd about lines: bad ones, blank ones, long texts, pinned carriers, late starts.
inline test_batch_file make_jsonl(unsigned number, unsigned count, std::mt19937_64& random, bool hold) {
  test_batch_file file;
  file.name = "batch" + std::to_string(number) + ".jsonl";
  std::uint32_t line = 1;
  file.hold = hold;
  if (hold || random() % 2 == 0) {
    file.contents += std::string("{\"batch\":{") + (hold ? "\"on_unknown\":\"hold\"," : "") +
                     "\"name\":\"campaign\",\"text\":\"Hello {name}\",\"from\":\"ACME\"}}\n";
    ++line;
  }
  const bool defaults = line == 2;
  for (unsigned i = 0; i < count; ++i, ++line) {
    const std::string to = test_number(number, line);
    const auto dice = random() % 100;
    if (dice < 4) {
      file.contents += "\n";  // blank: no message
    } else if (dice < 8) {
      file.contents += "{\"to\":\"" + to + "\",\"text\":\n";
      file.lines[line] = {};
    } else if (dice < 11) {
      file.contents += "{\"to\":\"33" + to.substr(2) + "\",\"text\":\"no route takes this\"}\n";
      file.lines[line] = {};
    } else if (dice < 22) {
      file.contents += "{\"to\":\"" + to + "\",\"text\":\"" + std::string(400, 'x') + "\",\"id\":\"i" +
                       std::to_string(line) + "\"}\n";
      file.lines[line] = {to, 3};
    } else if (dice < 27) {
      file.contents += "{\"to\":\"" + to + "\",\"text\":\"pinned\",\"carrier\":\"beta\",\"priority\":\"urgent\"}\n";
      file.lines[line] = {to, 1};
    } else if (defaults && dice < 50) {
      file.contents += "{\"to\":\"" + to + "\",\"vars\":{\"name\":\"you\"}}\r\n";
      file.lines[line] = {to, 1};
    } else {
      file.contents +=
          "{\"to\":\"" + to + "\",\"text\":\"Hello\",\"priority\":\"" + (dice < 70 ? "normal" : "bulk") + "\"}\n";
      file.lines[line] = {to, 1};
    }
  }
  if (random() % 2 == 0 && file.contents.back() == '\n') file.contents.pop_back();  // no newline at the end
  return file;
}

inline test_batch_file make_csv(unsigned number, unsigned count, std::mt19937_64& random) {
  test_batch_file file;
  file.name = "batch" + std::to_string(number) + ".csv";
  file.contents = "to,text,id\n";
  std::uint32_t line = 2;
  for (unsigned i = 0; i < count; ++i) {
    const std::string to = test_number(number, line);
    const auto dice = random() % 100;
    if (dice < 8) {
      file.contents += "12,too short\n";
      file.lines[line++] = {};
    } else if (dice < 20) {
      file.contents += to + ",\"two\nlines, \"\"quoted\"\"\",\n";
      file.lines[line] = {to, 1};
      line += 2;
    } else {
      file.contents += to + ",hello,c" + std::to_string(line) + "\n";
      file.lines[line++] = {to, 1};
    }
  }
  return file;
}

}  // namespace trunkline::engine::test
