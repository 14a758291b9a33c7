// SPDX-License-Identifier: Apache-2.0
//
// A report of denials for a person, and for a program.
#include <fmt/format.h>

#include "builder/denials.h"
#include "builder/private_json.h"
#include "builder/store_name.h"
#include "builder/text.h"

namespace builder {

using policy::AvcMessage;
using policy::Cause;
using policy::DenialReport;
using policy::DeniedObject;
using policy::FoundFile;
using policy::JudgedDenial;
using policy::JudgedError;
using Json = nlohmann::ordered_json;

namespace {

constexpr size_t kMostFiles = 5;  // listed of those that an object or a program can be

std::string package_of(std::string_view path) {
  const std::string_view store_path = store_path_of(path);
  if (store_path.empty()) return {};
  return std::string(policy::package_name(policy::derivation_name(base_name_of(store_path))));
}

std::string count_text(size_t count, size_t first, size_t last) {
  return count == 1 ? fmt::format("once, line {}", first)
                    : fmt::format("{} times, lines {} to {}", count, first, last);
}

std::string list_files(const std::vector<FoundFile>& files) {
  std::string text;
  for (size_t i = 0; i < files.size() && i < kMostFiles; ++i) {
    text += fmt::format("{}{} ({})", i == 0 ? "" : ", ", files[i].path,
                        policy::type_in(files[i].label.text()));
  }
  if (files.size() > kMostFiles) text += fmt::format(", {} more", files.size() - kMostFiles);
  return text;
}

/// What the message itself calls it.
std::string object_in_log(const AvcMessage& message) {
  std::string text = !message.path.empty()   ? message.path
                     : !message.name.empty() ? fmt::format("'{}'", message.name)
                                             : std::string("a file");
  if (message.inode && message.path.empty()) text += fmt::format(", inode {}", *message.inode);
  if (!message.dev.empty()) text += fmt::format(" on {}", message.dev);
  return text;
}

std::string object_text(const JudgedDenial& judged) {
  const AvcMessage& message = judged.denial.message;
  const DeniedObject& object = judged.object;
  switch (object.kind) {
    case DeniedObject::Kind::kNoFile:
      return fmt::format("{}", fmt::join(message.details, " "));
    case DeniedObject::Kind::kMadeLater:
      return object_in_log(message) + ": made at run time, labelled by who makes it";
    case DeniedObject::Kind::kKernel:
      return object_in_log(message) + ": the kernel's own, labelled by the policy alone";
    case DeniedObject::Kind::kElsewhere:
      return object_in_log(message) + ": no file of the image, as far as the log tells";
    case DeniedObject::Kind::kImage:
      break;
  }
  if (object.files.size() > 1) {
    return fmt::format("'{}', one of {}: {}", message.name, object.files.size(),
                       list_files(object.files));
  }
  const std::string& path = object.files.at(0).path;
  std::string text = path;
  if (object.by_inode) text += fmt::format(", by its inode {}", *message.inode);
  if (!package_of(path).empty()) text += ", package " + package_of(path);
  if (judged.explanation && !judged.explanation->place.empty() &&
      judged.explanation->place != path) {
    text += ", seen as " + judged.explanation->place;
  }
  return text;
}

std::string program_text(const JudgedDenial& judged) {
  std::string text = fmt::format("{}", fmt::join(judged.denial.comms, ", "));
  if (!judged.programs.empty()) {
    text += (text.empty() ? "" : ": ") + list_files(judged.programs);
  } else if (!judged.denial.message.exe.empty()) {
    text += (text.empty() ? "" : ": ") + judged.denial.message.exe;
  }
  return text;
}

void add_line(std::string& text, std::string_view what, const std::string& value) {
  if (!value.empty()) text += fmt::format("  {:<9} {}\n", what, escape_controls(value));
}

std::string denial_text(const JudgedDenial& judged) {
  const AvcMessage& message = judged.denial.message;
  std::string text = escape_controls(
      fmt::format("{} {} {}:{} {{ {} }} {}{}", message.granted ? "granted" : "denied",
                  policy::type_in(message.source), policy::type_in(message.target),
                  message.object_class, fmt::join(message.permissions, " "),
                  count_text(judged.denial.count, message.line, judged.denial.last_line),
                  message.permissive ? ", let pass" : ""));
  text += '\n';
  add_line(text, "source", message.source);
  add_line(text, "target", message.target);
  add_line(text, "program", program_text(judged));
  add_line(text, "object", object_text(judged));
  add_line(text, "asked by", message.manager);
  for (const Cause& cause : judged.causes) {
    const bool of_all = cause.permissions == message.permissions;
    add_line(text, "cause",
             fmt::format("{}: {}{}", name_of(cause.kind),
                         of_all ? "" : fmt::format("{{ {} }} ", fmt::join(cause.permissions, " ")),
                         cause.text));
    for (const std::string& mend : cause.mends) add_line(text, "mend", mend);
    for (const policy::Neverallow& rule : cause.breaches) {
      add_line(text, "against", fmt::format("{} ({}:{})", rule.text, rule.module, rule.line));
    }
  }
  return text;
}

std::string error_text(const JudgedError& judged) {
  std::string text = escape_controls(fmt::format(
      "error {} {}", judged.error.operation.empty() ? "context" : judged.error.operation,
      count_text(judged.count, judged.error.line, judged.last_line)));
  text += '\n';
  add_line(text, "message", judged.error.text);
  add_line(text, "cause", judged.text);
  for (const std::string& mend : judged.mends) add_line(text, "mend", mend);
  return text;
}

Json files_json(const std::vector<FoundFile>& files) {
  Json list = Json::array();
  for (const FoundFile& file : files) {
    list.push_back(
        {{"path", file.path}, {"package", package_of(file.path)}, {"label", file.label.text()}});
  }
  return list;
}

std::string_view name_of_kind(DeniedObject::Kind kind) {
  constexpr std::string_view kNames[] = {"none", "image", "run-time", "kernel", "elsewhere"};
  return kNames[static_cast<size_t>(kind)];
}

Json object_json(const JudgedDenial& judged) {
  const AvcMessage& message = judged.denial.message;
  Json object = {{"kind", name_of_kind(judged.object.kind)},
                 {"path", message.path},
                 {"name", message.name},
                 {"dev", message.dev}};
  if (message.inode) object["inode"] = *message.inode;
  object["details"] = message.details;
  object["files"] = files_json(judged.object.files);
  object["by_inode"] = judged.object.by_inode;
  if (judged.explanation) object["place"] = judged.explanation->place;
  return object;
}

Json cause_json(const Cause& cause) {
  Json breaches = Json::array();
  for (const policy::Neverallow& rule : cause.breaches) {
    breaches.push_back({{"module", rule.module}, {"line", rule.line}, {"rule", rule.text}});
  }
  return {{"kind", name_of(cause.kind)},
          {"permissions", cause.permissions},
          {"text", cause.text},
          {"mends", cause.mends},
          {"breaches", std::move(breaches)}};
}

Json denial_json(const JudgedDenial& judged) {
  const AvcMessage& message = judged.denial.message;
  Json causes = Json::array();
  for (const Cause& cause : judged.causes) causes.push_back(cause_json(cause));
  return {{"granted", message.granted},
          {"user_space", message.user_space},
          {"permissive", message.permissive},
          {"source", message.source},
          {"target", message.target},
          {"class", message.object_class},
          {"permissions", message.permissions},
          {"count", judged.denial.count},
          {"first_line", message.line},
          {"last_line", judged.denial.last_line},
          {"comms", judged.denial.comms},
          {"exe", message.exe},
          {"programs", files_json(judged.programs)},
          {"object", object_json(judged)},
          {"causes", std::move(causes)}};
}

}  // namespace

std::string format_denials(const DenialReport& report) {
  std::string text;
  for (const JudgedDenial& denial : report.denials) text += denial_text(denial) + '\n';
  for (const JudgedError& error : report.errors) text += error_text(error) + '\n';
  if (!report.damaged_lines.empty()) {
    text += fmt::format("messages that are cut short: {}, the first in line {}\n\n",
                        report.damaged_lines.size(), report.damaged_lines.front());
  }
  if (!report.cil.empty()) {
    text += "; What the policy lacks, as a module for --policy-module:\n" + report.cil;
  }
  return text;
}

std::string serialize_denials(const DenialReport& report) {
  Json denials = Json::array(), errors = Json::array();
  for (const JudgedDenial& denial : report.denials) denials.push_back(denial_json(denial));
  for (const JudgedError& judged : report.errors) {
    errors.push_back({{"operation", judged.error.operation},
                      {"message", judged.error.text},
                      {"count", judged.count},
                      {"first_line", judged.error.line},
                      {"last_line", judged.last_line},
                      {"text", judged.text},
                      {"mends", judged.mends}});
  }
  const Json all = {{"denials", std::move(denials)},
                    {"errors", std::move(errors)},
                    {"damaged_lines", report.damaged_lines},
                    {"cil", report.cil}};
  // A log may hold any bytes.
  return all.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace builder
