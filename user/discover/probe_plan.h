/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The plan: which instructions of one interpreter are probed, what reaching each of them means, and
 * where the BPF side finds what it reads. It is plain data: made from the bytes of an ELF file,
 * compared with golden copies in the tests, printed by --dry-run, carried out by trace/.
 */
#ifndef VTBPF_PROBE_PLAN_H
#define VTBPF_PROBE_PLAN_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "../../bpf/vtbpf.h"

enum probe_mechanism { PROBE_UPROBE, PROBE_USDT };

/* What a hit costs: the kernel emulates the probed instruction, or single-steps a copy of it. */
enum probe_cost { COST_EMULATED, COST_SINGLE_STEP };

struct probe_site {
	struct vtbpf_site site; /* what the BPF side is told */
	enum probe_mechanism mechanism;
	enum probe_cost cost;
	uint64_t vaddr;		 /* in the file's own address space */
	uint64_t offset;	 /* in the file: where the kernel puts the probe */
	uint64_t entry_offset;	 /* first byte of the handler or function: the naive site (bench) */
	uint64_t ref_ctr_offset; /* USDT semaphore, 0 when none */
	char name[40];		 /* opcode, function, or provider:probe */
	char insn[64];		 /* the probed instruction, as text */
};

/* A USDT note of the file, listed for information and for the probes that use them. */
struct usdt_site {
	uint64_t vaddr, offset, ref_ctr_offset;
	char name[48]; /* provider:name */
	char args[96];
};

#define PLAN_MAX_USDT 64
#define PLAN_MAX_NOTES 8

struct probe_plan {
	uint32_t version; /* PY_VERSION_HEX: 0x030b02f0 is 3.11.2 final */
	bool free_threaded;
	bool tail_call;
	bool stripped;		/* no .symtab */
	uint16_t machine;	/* EM_X86_64, EM_AARCH64 */
	char build_id[44];	/* hex, empty when the file has none */
	uint64_t runtime_vaddr; /* _PyRuntime */
	uint64_t table_vaddr;	/* opcode_targets, 0 when the plan needs none */
	uint8_t frame_reg;	/* as most handlers use it */
	struct vtbpf_layout layout;
	size_t n_sites;
	struct probe_site sites[VTBPF_MAX_SITES];
	size_t n_usdt;
	struct usdt_site usdt[PLAN_MAX_USDT];
	size_t n_notes;
	char notes[PLAN_MAX_NOTES]
		  [160]; /* what a user should know about this plan, one sentence each */
};

/*
 * Makes the plan for the ELF file open at fd (position is not used, fd stays the caller's).
 * 0, or a negative errno with a sentence for the user in `why` (what is wrong and what would work):
 * -ENOEXEC not an ELF file, -ENOENT no CPython in it, -ENOTSUP a CPython that cannot be traced.
 */
int probe_plan__make(int fd, struct probe_plan *plan, char *why, size_t why_size);

/* The same without sites, for who only wants to read the interpreter's memory: also of builds that
 * cannot be traced. */
int probe_plan__identify(int fd, struct probe_plan *plan, char *why, size_t why_size);

/* Adds to a plan that was made of the same file the site at which exceptions are seen: a hit for each
 * frame that one reaches. Values as above. */
int probe_plan__watch_exceptions(int fd, struct probe_plan *plan, char *why, size_t why_size);

/* Where exceptions reach frames, and where their handling ends (--exceptions). */
struct exception_plan {
	size_t n; /* 0: they are not told of */
	struct exception_place {
		struct vtbpf_exception_site site;
		uint64_t offset; /* in the file */
	} places[VTBPF_MAX_EXCEPTION_SITES];
};

/* Finds them in the file of which `plan` was made. Values as above. */
int probe_plan__find_exceptions(int fd, const struct probe_plan *plan, struct exception_plan *out,
				char *why, size_t why_size);

struct c_plan;

/* Finds, in the file that a plan was made of, where C functions are called: fills calls (c_sites.h).
 * Values as above. */
int probe_plan__find_c_calls(int fd, struct probe_plan *plan, struct c_plan *calls, char *why,
			     size_t why_size);

/* Prints the plan for people, as --dry-run shows it. path is what to call the file. */
void probe_plan__print(const struct probe_plan *plan, const char *path, FILE *out);

/* Name of a DWARF register on the plan's machine: "rbx", "x23"; "-" for VTBPF_NO_REG. */
const char *probe_plan__reg_name(const struct probe_plan *plan, uint8_t reg);

/* "3.11.2", "3.13.0rc1". buf of at least 16 bytes; returns buf. */
char *py_version_str(uint32_t version, char *buf, size_t size);

#endif
