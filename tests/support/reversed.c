// SPDX-License-Identifier: Apache-2.0
//
// Folders that list their entries from the last to the first: a library for LD_PRELOAD.
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct Entries {
  struct Entries* next;
  DIR* folder;
  long count;
  struct dirent* items[];
};

static struct Entries* all;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static struct Entries* read_all(DIR* folder) {
  struct dirent* (*next)(DIR*);
  *(void**)&next = dlsym(RTLD_NEXT, "readdir");
  struct Entries* entries = calloc(1, sizeof *entries);
  entries->folder = folder;
  for (struct dirent* entry; (entry = next(folder));) {
    struct dirent* copy = malloc(entry->d_reclen);
    memcpy(copy, entry, entry->d_reclen);
    entries = realloc(entries, sizeof *entries + (size_t)(entries->count + 1) * sizeof copy);
    entries->items[entries->count++] = copy;
  }
  return entries;
}

struct dirent* readdir(DIR* folder) {
  pthread_mutex_lock(&mutex);
  struct Entries* entries = all;
  while (entries && entries->folder != folder) entries = entries->next;
  if (!entries) {
    entries = read_all(folder);
    entries->next = all;
    all = entries;
  }
  struct dirent* entry = entries->count > 0 ? entries->items[--entries->count] : NULL;
  pthread_mutex_unlock(&mutex);
  return entry;
}

int closedir(DIR* folder) {
  int (*next)(DIR*);
  *(void**)&next = dlsym(RTLD_NEXT, "closedir");
  pthread_mutex_lock(&mutex);
  for (struct Entries** at = &all; *at; at = &(*at)->next) {
    if ((*at)->folder != folder) continue;
    struct Entries* gone = *at;
    *at = gone->next;  // its entries stay: the caller may still look at them
    free(gone);
    break;
  }
  pthread_mutex_unlock(&mutex);
  return next(folder);
}
