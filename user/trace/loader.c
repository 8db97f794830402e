// SPDX-License-Identifier: GPL-2.0-only
#include "loader.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

/* <linux/ptrace.h> and <sys/ptrace.h> do not go together everywhere. */
struct syscall_info {
	uint8_t op;
	uint8_t pad[3];
	uint32_t arch;
	uint64_t instruction_pointer;
	uint64_t stack_pointer;
	union {
		struct {
			uint64_t nr;
			uint64_t args[6];
		} entry;
		struct {
			int64_t rval;
			uint8_t is_error;
		} exit;
	};
};
#define SYSCALL_INFO_ENTRY 1
#define SYSCALL_INFO_EXIT 2

/* AT_BASE: where the kernel mapped the program's interpreter, which is the dynamic loader. */
static uint64_t loader_base(pid_t pid)
{
	char path[64];
	Elf64_auxv_t aux;
	uint64_t base = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/auxv", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	while (read(fd, &aux, sizeof(aux)) == sizeof(aux) && aux.a_type != AT_NULL)
		if (aux.a_type == AT_BASE)
			base = aux.a_un.a_val;
	close(fd);
	return base;
}

/* The mappings of one file lie together: from its base to the end of its last executable one. */
bool loader__find(struct loader *ld, pid_t pid)
{
	uint64_t base = loader_base(pid), ino = 0;
	char path[64], line[4352];
	FILE *f;

	memset(ld, 0, sizeof(*ld));
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	f = base ? fopen(path, "re") : NULL;
	if (!f)
		return false;
	while (fgets(line, sizeof(line), f)) {
		unsigned long start, end, inode;
		char perms[5];

		if (sscanf(line, "%lx-%lx %4s %*x %*x:%*x %lu", &start, &end, perms, &inode) != 4)
			continue;
		if (start == base)
			ino = inode;
		if (start < base || !ino || inode != ino || perms[2] != 'x')
			continue;
		ld->start = start;
		ld->end = end;
	}
	fclose(f);
	return ld->end != 0;
}

static bool maps_code(const struct syscall_info *si)
{
	return si->entry.nr == SYS_mmap && (si->entry.args[2] & PROT_EXEC) &&
	       (int)si->entry.args[4] >= 0;
}

enum loader_state loader__at_syscall(struct loader *ld, pid_t pid)
{
	struct syscall_info si = {};
	bool mapped;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(si), &si) <= 0)
		return LOADER_DONE;
	if (si.op == SYSCALL_INFO_ENTRY) {
		if (si.instruction_pointer < ld->start || si.instruction_pointer >= ld->end)
			return LOADER_DONE;
		ld->mapping = maps_code(&si);
		return LOADER_BUSY;
	}
	mapped = ld->mapping && si.op == SYSCALL_INFO_EXIT && !si.exit.is_error;
	ld->mapping = false;
	return mapped ? LOADER_MAPPED_CODE : LOADER_BUSY;
}
