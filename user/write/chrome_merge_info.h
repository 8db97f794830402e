/* SPDX-License-Identifier: GPL-2.0-only */
/* Private to chrome_merge_info.c and chrome_merge_lists.c: "vtbpf" of several traces. */
#ifndef VTBPF_CHROME_MERGE_INFO_H
#define VTBPF_CHROME_MERGE_INFO_H

#include "chrome_merge.h"

/* The member of the input's "vtbpf". */
bool merge_info__find(const struct merge_input *in, const char *key, struct json_span *value);

/* Writes a member as it stands. */
void merge_info__copy_member(struct json_writer *j, struct json_span key, struct json_span value);

/* chrome_merge_lists.c: lists of which each input adds its part, and numbers that hold for all. 0 or
 * -ENOMEM. */
int merge_info__lists(struct chrome_merge *m);
int merge_info__losses(struct chrome_merge *m);

#endif
