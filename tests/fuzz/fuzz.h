/* fuzz - the entry that libFuzzer and replay.c call. */
#ifndef RCTR_FUZZ_H
#define RCTR_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
