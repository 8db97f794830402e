// SPDX-License-Identifier: GPL-2.0-only
#include "str_pieces.h"

#include <stdlib.h>
#include <string.h>

#include "../discover/py_threads.h"

void str_pieces__reset(struct str_pieces *p)
{
	free(p->bytes);
	memset(p, 0, sizeof(*p));
}

char *str_pieces__add(struct str_pieces *p, const struct vtbpf_rec_str *rec)
{
	uint64_t size = (uint64_t)rec->length * rec->width;
	char *text;

	if ((rec->width != 1 && rec->width != 2 && rec->width != 4) || size > VTBPF_MAX_STR_BYTES ||
	    rec->rec.len < sizeof(*rec) || rec->bytes > rec->rec.len - sizeof(*rec)) {
		str_pieces__reset(p);
		return NULL;
	}
	if (!rec->offset) {
		str_pieces__reset(p);
		p->bytes = malloc(size + 1);
		p->size = p->bytes ? size : 0;
	}
	if (!p->bytes || size != p->size || rec->offset != p->got || rec->bytes > p->size - p->got)
		return NULL;
	memcpy(p->bytes + p->got, rec->data, rec->bytes);
	p->got += rec->bytes;
	if (p->got < p->size)
		return NULL;
	text = py_utf8(p->bytes, rec->length, rec->width);
	str_pieces__reset(p);
	return text;
}
