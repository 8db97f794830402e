/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An ELF file as discover needs it: the bytes of its loadable segments, its symbols, its
 * relocated pointers and its notes. The file is untrusted: whatever offsets it holds, a lookup
 * answers or fails.
 */
#ifndef VTBPF_ELF_IMAGE_H
#define VTBPF_ELF_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_segment {
	uint64_t vaddr;
	uint64_t offset; /* in the file */
	uint64_t size;	 /* bytes the file holds; what is only zeroed memory is not counted */
	uint64_t memsz;
	bool exec;
	uint8_t *bytes;
};

/* A pointer-sized place of the file that holds, once loaded, the (unbiased) address `value`. */
struct elf_slot {
	uint64_t vaddr;
	uint64_t value;
};

struct elf_symbol {
	uint64_t vaddr;
	uint64_t size;
};

struct elf_image {
	int fd;
	void *elf; /* libelf's handle */
	uint16_t machine;
	bool dynamic;	   /* ET_DYN: addresses are relative to where it is loaded */
	bool stripped;	   /* no .symtab */
	char build_id[44]; /* hex, empty when there is none */
	char soname[64];   /* empty when there is none */
	size_t n_segments;
	struct elf_segment segments[16];
};

/* Reads the ELF file open at fd, which stays the caller's. NULL and errno: ENOEXEC when it is not a
 * 64-bit little-endian ELF file, EFBIG when it claims more than can be sensible, ENOMEM, EIO. */
struct elf_image *elf_image__new(int fd);
void elf_image__free(struct elf_image *img);

/* The len bytes at vaddr, or NULL when the file does not hold all of them in one segment. */
const uint8_t *elf_image__bytes(const struct elf_image *img, uint64_t vaddr, size_t len);

/* How many bytes of one segment follow vaddr, 0 when it lies in none. */
size_t elf_image__room(const struct elf_image *img, uint64_t vaddr);

/* Reads a little-endian value; false when it is not in the file. */
bool elf_image__u64(const struct elf_image *img, uint64_t vaddr, uint64_t *value);

bool elf_image__is_code(const struct elf_image *img, uint64_t vaddr);

/* vaddr as an offset in the file; false when no segment of the file holds it. */
bool elf_image__offset(const struct elf_image *img, uint64_t vaddr, uint64_t *offset);

/* Looks a defined symbol up in .dynsym, then in .symtab. */
bool elf_image__symbol(const struct elf_image *img, const char *name, struct elf_symbol *sym);

/* The places (GOT) at which the dynamic linker stores the address of symbol `name`: fills at
 * most max, returns how many. */
size_t elf_image__slots_of(const struct elf_image *img, const char *name, uint64_t *slots,
			   size_t max);

/*
 * All places that hold the address of code, sorted by vaddr: the aligned words of an executable at
 * fixed addresses, else the relative relocations (RELA and RELR). *slots is malloc'ed. 0 or -errno.
 */
int elf_image__code_slots(const struct elf_image *img, struct elf_slot **slots, size_t *n);

/* The same of all places that hold an address that `wants` says yes to. */
typedef bool (*elf_slot_fn)(const struct elf_image *img, uint64_t value, const void *arg);
int elf_image__slots(const struct elf_image *img, elf_slot_fn wants, const void *arg,
		     struct elf_slot **slots, size_t *n);

/* Calls fn for each note of every note section until it returns non-zero. desc has desc_len
 * bytes. */
struct elf_note {
	uint32_t type;
	const char *owner; /* NUL-terminated */
	const uint8_t *desc;
	size_t desc_len;
};
void elf_image__each_note(const struct elf_image *img, const char *section,
			  int (*fn)(const struct elf_note *note, void *arg), void *arg);

/* Does the ELF file at fd define one of these symbols? The list ends with NULL. Cheaper than
 * reading the whole file: for a look at everything a process has mapped. */
bool elf_file__defines(int fd, const char *const names[]);

/* The vaddr of the byte at `offset` of an executable segment of the file at fd, for mappings
 * that may begin at the page before; false when there is none. */
bool elf_file__code_vaddr(int fd, uint64_t offset, uint64_t *vaddr);

/* Address of a section by name; false when there is none. */
bool elf_image__section(const struct elf_image *img, const char *name, uint64_t *vaddr);

#endif
