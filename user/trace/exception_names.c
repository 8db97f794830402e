// SPDX-License-Identifier: GPL-2.0-only
#include "exception_names.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../discover/elf_image.h"

#define PAGE 4096

/* What vtbpf_event.h says of the values, where the kernel side gives no name. */
enum { NAME_AT = 1, LOADED_AT = 2 };

static void learn_segments(struct exception_names *n)
{
	struct elf_image *img = elf_image__new(n->fd);

	for (size_t i = 0; img && i < img->n_segments; i++)
		n->segments[n->n++] = (struct exception_names_segment){ img->segments[i].vaddr,
									img->segments[i].offset,
									img->segments[i].size };
	elf_image__free(img);
}

/* Bytes of the file that are loaded at addr; 0 when it is not the file that is loaded there. */
static size_t read_file(struct exception_names *n, uint64_t vaddr, char *buf, size_t size)
{
	if (!n->n)
		learn_segments(n);
	for (size_t i = 0; i < n->n; i++) {
		const struct exception_names_segment *s = &n->segments[i];
		uint64_t at = vaddr - s->vaddr;
		ssize_t got;

		if (vaddr < s->vaddr || at >= s->size)
			continue;
		if (size > s->size - at)
			size = s->size - at;
		got = pread(n->fd, buf, size, (off_t)(s->offset + at));
		return got > 0 ? (size_t)got : 0;
	}
	return 0;
}

/* As much as lies in one page: what is behind it may not be there. */
static size_t read_memory(pid_t tid, uint64_t addr, char *buf, size_t size)
{
	size_t room = PAGE - addr % PAGE;
	struct iovec local = { buf, size < room ? size : room };
	struct iovec remote = { (void *)(uintptr_t)addr, local.iov_len };
	ssize_t got = process_vm_readv(tid, &local, 1, &remote, 1, 0);

	return got > 0 ? (size_t)got : 0;
}

/* Its length; 0 when there is none. */
static size_t read_name(struct exception_names *n, const struct vtbpf_rec_event *e, char *buf,
			size_t size)
{
	uint64_t addr = (uint64_t)e->value[NAME_AT];
	size_t got = read_file(n, addr - (uint64_t)e->value[LOADED_AT], buf, size), len;

	if (!got)
		got = read_memory((pid_t)e->rec.tid, addr, buf, size);
	len = strnlen(buf, got);
	return len < got ? len : 0;
}

static bool lacks_name(const struct vtbpf_rec *rec)
{
	const struct vtbpf_rec_event *e = (const void *)rec;

	return rec->kind == VTBPF_REC_EVENT && rec->len >= sizeof(*e) &&
	       (e->what == VTBPF_EVENT_RAISED || e->what == VTBPF_EVENT_CAUGHT) &&
	       e->value[NAME_AT] && !e->text[0].bytes;
}

const struct vtbpf_rec *exception_names__complete(struct exception_names *n,
						  const struct vtbpf_rec *rec)
{
	const struct vtbpf_rec_event *e = (const void *)rec;
	struct vtbpf_rec_event *to = &n->made.event;
	char name[VTBPF_TYPE_LARGE] = "";
	size_t len, message;

	if (!lacks_name(rec) || e->text[1].bytes > rec->len - sizeof(*e))
		return rec;
	message = e->text[1].bytes;
	len = read_name(n, e, name, sizeof(name));
	if (!len)
		len = (size_t)snprintf(name, sizeof(name), "<unreadable>");
	if (sizeof(*e) + len + message > sizeof(n->made.room))
		message = 0;
	memset(&n->made, 0, sizeof(n->made));
	*to = *e;
	memcpy(to->data, name, len);
	memcpy(to->data + len, e->data, message);
	to->text[0].bytes = (uint16_t)len;
	to->text[1].bytes = (uint16_t)message;
	to->value[NAME_AT] = to->value[LOADED_AT] = 0;
	to->rec.len = (uint16_t)((sizeof(*e) + len + message + 7) & ~(size_t)7);
	return &to->rec;
}
