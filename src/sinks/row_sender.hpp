#pragma once

#include <memory>
#include <string>
#include <utility>

#include "base/loop.hpp"
#include "postgres/writer.hpp"
#include "sinks/shadow.hpp"

namespace trunkline::sinks {

// What the PostgreSQL sink needs of a database, so that tests can play it and a shadow writes nothing. As
// postgres::Writer; loop thread only; callbacks run later on the loop, exactly once.
class RowSender {
 public:
  virtual ~RowSender() = default;
  virtual void write(std::string rows, postgres::Writer::Callback done) = 0;
  virtual void look(base::UniqueFunction<void(postgres::Writer::Look)> done) = 0;
};

class WriterRowSender final : public RowSender {
 public:
  WriterRowSender(base::Loop& loop, postgres::WriterOptions options) : writer_(loop, std::move(options)) {}
  void write(std::string rows, postgres::Writer::Callback done) override {
    writer_.write(std::move(rows), std::move(done));
  }
  void look(base::UniqueFunction<void(postgres::Writer::Look)> done) override { writer_.look(std::move(done)); }

 private:
  postgres::Writer writer_;
};

// Keeps what it would have written, and says that it is there.
class ShadowRowSender final : public RowSender {
 public:
  ShadowRowSender(base::Loop& loop, std::shared_ptr<ShadowLog> log, std::string target)
      : loop_(loop), log_(std::move(log)), target_(std::move(target)) {}
  void write(std::string rows, postgres::Writer::Callback done) override;
  void look(base::UniqueFunction<void(postgres::Writer::Look)> done) override;

 private:
  base::Loop& loop_;
  const std::shared_ptr<ShadowLog> log_;  // shared with who shows it
  const std::string target_;
};

}  // namespace trunkline::sinks
