#pragma once

#include <fstream>
#include <map>
#include <string>
#include <vector>

// Tables of the standard in tests/data/tables, by the names of their columns.
namespace trunkline::protocol::test {

using row = std::map<std::string, std::string>;

inline std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> cells(1);
  bool quoted = false;
  for (const char c : line) {
    if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      cells.emplace_back();
    } else if (c != '\r') {
      cells.back() += c;
    }
  }
  return cells;
}

inline std::vector<row> load_table(const std::string& name) {
  std::ifstream in(std::string(TRUNKLINE_TEST_DATA) + "/tables/" + name);
  std::string line;
  std::getline(in, line);
  const auto names = split(line);
  std::vector<row> rows;
  while (std::getline(in, line)) {
    const auto cells = split(line);
    row one;
    for (std::size_t i = 0; i < cells.size() && i < names.size(); ++i) one[names[i]] = cells[i];
    rows.push_back(std::move(one));
  }
  return rows;
}

}  // namespace trunkline::protocol::test
