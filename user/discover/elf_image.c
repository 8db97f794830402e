// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "elf_section.h"

/* The largest interpreters known load 60 MB; a file that wants more is not worth the memory. */
#define MAX_LOADED (512ull << 20)

static int read_segment(struct elf_image *img, const GElf_Phdr *ph, uint64_t file_size)
{
	struct elf_segment *seg = &img->segments[img->n_segments];
	size_t done = 0;

	if (ph->p_offset > file_size || ph->p_filesz > file_size - ph->p_offset ||
	    ph->p_filesz > ph->p_memsz || ph->p_vaddr + ph->p_memsz < ph->p_vaddr)
		return -ENOEXEC;
	*seg = (struct elf_segment){
		.vaddr = ph->p_vaddr,
		.offset = ph->p_offset,
		.size = ph->p_filesz,
		.memsz = ph->p_memsz,
		.exec = ph->p_flags & PF_X,
		.bytes = malloc(ph->p_filesz + 1),
	};
	if (!seg->bytes)
		return -ENOMEM;
	img->n_segments++;
	while (done < seg->size) {
		ssize_t n = pread(img->fd, seg->bytes + done, seg->size - done,
				  (off_t)(seg->offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		done += (size_t)n;
	}
	return 0;
}

static int read_segments(struct elf_image *img)
{
	uint64_t loaded = 0;
	struct stat st;
	size_t i, n;

	if (fstat(img->fd, &st))
		return -errno;
	if (elf_getphdrnum(img->elf, &n) || n > 4096)
		return -ENOEXEC;
	for (i = 0; i < n; i++) {
		GElf_Phdr ph;
		int err;

		if (!gelf_getphdr(img->elf, (int)i, &ph) || ph.p_type != PT_LOAD)
			continue;
		loaded += ph.p_filesz;
		if (img->n_segments == 16 || ph.p_filesz > MAX_LOADED || loaded > MAX_LOADED)
			return -EFBIG;
		err = read_segment(img, &ph, (uint64_t)st.st_size);
		if (err)
			return err;
	}
	return img->n_segments ? 0 : -ENOEXEC;
}

bool elf_image__next_section(const struct elf_image *img, Elf_Scn **scn, uint32_t type,
			     GElf_Shdr *sh)
{
	while ((*scn = elf_nextscn(img->elf, *scn)) != NULL) {
		if (gelf_getshdr(*scn, sh) && (type == SHT_NULL || sh->sh_type == type))
			return true;
	}
	return false;
}

static const char *section_name(const struct elf_image *img, const GElf_Shdr *sh)
{
	size_t strings;
	const char *name;

	if (elf_getshdrstrndx(img->elf, &strings))
		return "";
	name = elf_strptr(img->elf, strings, sh->sh_name);
	return name ? name : "";
}

static void read_soname(struct elf_image *img)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;
	Elf_Data *data;
	GElf_Dyn dyn;
	const char *name;
	int i;

	if (!elf_image__next_section(img, &scn, SHT_DYNAMIC, &sh) ||
	    !(data = elf_getdata(scn, NULL)))
		return;
	for (i = 0; gelf_getdyn(data, i, &dyn) && dyn.d_tag != DT_NULL; i++) {
		if (dyn.d_tag != DT_SONAME)
			continue;
		name = elf_strptr(img->elf, sh.sh_link, dyn.d_un.d_val);
		if (name && strlen(name) < sizeof(img->soname))
			strcpy(img->soname, name);
		return;
	}
}

static int keep_build_id(const struct elf_note *note, void *arg)
{
	static const char hex[] = "0123456789abcdef";
	struct elf_image *img = arg;
	size_t i;

	if (note->type != NT_GNU_BUILD_ID || strcmp(note->owner, "GNU") != 0)
		return 0;
	for (i = 0; i < note->desc_len && 2 * i + 2 < sizeof(img->build_id); i++) {
		img->build_id[2 * i] = hex[note->desc[i] >> 4];
		img->build_id[2 * i + 1] = hex[note->desc[i] & 0xf];
	}
	img->build_id[2 * i] = '\0';
	return 1;
}

static int read_header(struct elf_image *img)
{
	Elf_Scn *scn = NULL;
	GElf_Ehdr eh;
	GElf_Shdr sh;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return -ENOEXEC;
	img->elf = elf_begin(img->fd, ELF_C_READ, NULL);
	if (!img->elf || elf_kind(img->elf) != ELF_K_ELF || !gelf_getehdr(img->elf, &eh))
		return -ENOEXEC;
	if (eh.e_ident[EI_CLASS] != ELFCLASS64 || eh.e_ident[EI_DATA] != ELFDATA2LSB ||
	    (eh.e_type != ET_EXEC && eh.e_type != ET_DYN))
		return -ENOEXEC;
	img->machine = eh.e_machine;
	img->dynamic = eh.e_type == ET_DYN;
	img->stripped = !elf_image__next_section(img, &scn, SHT_SYMTAB, &sh);
	return 0;
}

struct elf_image *elf_image__new(int fd)
{
	struct elf_image *img = calloc(1, sizeof(*img));
	int err;

	if (!img)
		return NULL;
	img->fd = fd;
	err = read_header(img);
	if (!err)
		err = read_segments(img);
	if (err) {
		elf_image__free(img);
		errno = -err;
		return NULL;
	}
	read_soname(img);
	elf_image__each_note(img, NULL, keep_build_id, img);
	return img;
}

void elf_image__free(struct elf_image *img)
{
	size_t i;

	if (!img)
		return;
	for (i = 0; i < img->n_segments; i++)
		free(img->segments[i].bytes);
	if (img->elf)
		elf_end(img->elf);
	free(img);
}

static const struct elf_segment *segment_of(const struct elf_image *img, uint64_t vaddr)
{
	size_t i;

	for (i = 0; i < img->n_segments; i++) {
		const struct elf_segment *seg = &img->segments[i];

		if (vaddr >= seg->vaddr && vaddr - seg->vaddr < seg->size)
			return seg;
	}
	return NULL;
}

size_t elf_image__room(const struct elf_image *img, uint64_t vaddr)
{
	const struct elf_segment *seg = segment_of(img, vaddr);

	return seg ? seg->size - (vaddr - seg->vaddr) : 0;
}

const uint8_t *elf_image__bytes(const struct elf_image *img, uint64_t vaddr, size_t len)
{
	const struct elf_segment *seg = segment_of(img, vaddr);

	if (!seg || len > seg->size - (vaddr - seg->vaddr))
		return NULL;
	return seg->bytes + (vaddr - seg->vaddr);
}

bool elf_image__u64(const struct elf_image *img, uint64_t vaddr, uint64_t *value)
{
	const uint8_t *p = elf_image__bytes(img, vaddr, sizeof(*value));

	if (p)
		memcpy(value, p, sizeof(*value));
	return p != NULL;
}

bool elf_image__is_code(const struct elf_image *img, uint64_t vaddr)
{
	const struct elf_segment *seg = segment_of(img, vaddr);

	return seg && seg->exec;
}

bool elf_image__offset(const struct elf_image *img, uint64_t vaddr, uint64_t *offset)
{
	const struct elf_segment *seg = segment_of(img, vaddr);

	if (seg)
		*offset = seg->offset + (vaddr - seg->vaddr);
	return seg != NULL;
}

bool elf_symbols__open(const struct elf_image *img, Elf_Scn *scn, struct elf_symbols *out)
{
	Elf_Data *symbols, *names;
	GElf_Shdr sh;

	if (!scn || !gelf_getshdr(scn, &sh))
		return false;
	symbols = elf_getdata(scn, NULL);
	names = elf_getdata(elf_getscn(img->elf, sh.sh_link), NULL);
	if (!symbols || !symbols->d_buf || symbols->d_type != ELF_T_SYM || !names || !names->d_buf)
		return false;
	*out = (struct elf_symbols){
		.symbol = symbols->d_buf,
		.n = symbols->d_size / sizeof(Elf64_Sym),
		.names = names->d_buf,
		.names_size = names->d_size,
	};
	return true;
}

static bool symbol_in(const struct elf_image *img, uint32_t type, const char *name,
		      struct elf_symbol *out)
{
	size_t size = strlen(name) + 1, i;
	struct elf_symbols s;
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;

	while (elf_image__next_section(img, &scn, type, &sh)) {
		if (!elf_symbols__open(img, scn, &s))
			continue;
		for (i = 0; i < s.n; i++) {
			const Elf64_Sym *sym = &s.symbol[i];

			if (sym->st_shndx == SHN_UNDEF || sym->st_value == 0 ||
			    !elf_symbols__is(&s, i, name, size))
				continue;
			*out = (struct elf_symbol){ .vaddr = sym->st_value, .size = sym->st_size };
			return true;
		}
	}
	return false;
}

bool elf_image__symbol(const struct elf_image *img, const char *name, struct elf_symbol *sym)
{
	return symbol_in(img, SHT_DYNSYM, name, sym) || symbol_in(img, SHT_SYMTAB, name, sym);
}

/* ---- sections and notes ---------------------------------------------------------------------- */

bool elf_image__section(const struct elf_image *img, const char *name, uint64_t *vaddr)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;

	while (elf_image__next_section(img, &scn, SHT_NULL, &sh)) {
		if (strcmp(section_name(img, &sh), name) == 0) {
			*vaddr = sh.sh_addr;
			return true;
		}
	}
	return false;
}

static bool note_at(Elf_Data *data, size_t *at, struct elf_note *note)
{
	const char *buf = data->d_buf;
	GElf_Nhdr nh;
	size_t name, desc;

	*at = gelf_getnote(data, *at, &nh, &name, &desc);
	if (!*at)
		return false;
	*note = (struct elf_note){
		.type = nh.n_type,
		.owner = "",
		.desc = (const uint8_t *)buf + desc,
		.desc_len = nh.n_descsz,
	};
	if (nh.n_namesz && buf[name + nh.n_namesz - 1] == '\0')
		note->owner = buf + name;
	return true;
}

void elf_image__each_note(const struct elf_image *img, const char *section,
			  int (*fn)(const struct elf_note *note, void *arg), void *arg)
{
	struct elf_note note;
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;

	while (elf_image__next_section(img, &scn, SHT_NOTE, &sh)) {
		Elf_Data *data;
		size_t at = 0;

		if (section && strcmp(section_name(img, &sh), section) != 0)
			continue;
		data = elf_getdata(scn, NULL);
		while (data && data->d_buf && note_at(data, &at, &note)) {
			if (fn(&note, arg))
				return;
		}
	}
}
