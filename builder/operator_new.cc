// SPDX-License-Identifier: Apache-2.0
//
// operator new of programs: mimalloc's own ends the process when there is no memory (its C build
// cannot throw), and this one throws std::bad_alloc. The memory is mimalloc's all the same.
#include <cstdint>
#include <cstdlib>
#include <new>

namespace {

void* checked(void* memory) {
  if (!memory) throw std::bad_alloc();
  return memory;
}

void* allocate(std::size_t size) noexcept {
  return std::malloc(size != 0 ? size : 1);
}
void* allocate(std::size_t size, std::align_val_t alignment) noexcept {
  const auto step = static_cast<std::size_t>(alignment);
  if (size > SIZE_MAX - step) return nullptr;
  return std::aligned_alloc(step, (size + step - 1) / step * step);
}

}  // namespace

void* operator new(std::size_t size) {
  return checked(allocate(size));
}
void* operator new[](std::size_t size) {
  return checked(allocate(size));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return allocate(size);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return allocate(size);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return checked(allocate(size, alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return checked(allocate(size, alignment));
}
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return allocate(size, alignment);
}
void* operator new[](std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return allocate(size, alignment);
}

void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}
