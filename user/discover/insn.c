// SPDX-License-Identifier: GPL-2.0-only
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "insn.h"
#include "insn_arch.h"

#define MAX_INSN_LEN 16

struct decoder {
	csh handle;
	cs_insn *ci;
	uint16_t machine;
};

struct decoder *decoder__new(uint16_t machine)
{
	struct decoder *d;
	cs_arch arch = machine == EM_AARCH64 ? CS_ARCH_ARM64 : CS_ARCH_X86;
	cs_mode mode = machine == EM_AARCH64 ? CS_MODE_ARM : CS_MODE_64;

	if ((machine != EM_X86_64 && machine != EM_AARCH64) || !cs_support(arch)) {
		errno = ENOTSUP;
		return NULL;
	}
	d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->machine = machine;
	if (cs_open(arch, mode, &d->handle) != CS_ERR_OK) {
		free(d);
		errno = ENOMEM;
		return NULL;
	}
	cs_option(d->handle, CS_OPT_DETAIL, CS_OPT_ON);
	d->ci = cs_malloc(d->handle);
	if (!d->ci) {
		decoder__free(d);
		errno = ENOMEM;
		return NULL;
	}
	return d;
}

void decoder__free(struct decoder *d)
{
	if (!d)
		return;
	if (d->ci)
		cs_free(d->ci, 1);
	cs_close(&d->handle);
	free(d);
}

static bool decode(struct decoder *d, const struct elf_image *img, uint64_t vaddr)
{
	size_t room = elf_image__room(img, vaddr);
	const uint8_t *code;

	if (room > MAX_INSN_LEN)
		room = MAX_INSN_LEN;
	code = elf_image__bytes(img, vaddr, room);
	return code && room && elf_image__is_code(img, vaddr) &&
	       cs_disasm_iter(d->handle, &code, &room, &vaddr, d->ci);
}

static uint32_t written(struct decoder *d)
{
	cs_regs reads, writes;
	uint8_t n_reads, n_writes, i;
	uint32_t mask = 0;

	if (cs_regs_access(d->handle, d->ci, reads, &n_reads, writes, &n_writes) != CS_ERR_OK)
		return UINT32_MAX;
	for (i = 0; i < n_writes; i++) {
		uint8_t reg = d->machine == EM_AARCH64 ? insn_arm64__reg(writes[i]) :
							 insn_x86__reg(writes[i]);

		if (reg != INSN_NO_REG)
			mask |= 1u << reg;
	}
	return mask;
}

/* All instructions of arm64 have 4 bytes: capstone need not know one for its length to be known. */
static bool decode_unknown(const struct decoder *d, const struct elf_image *img, struct insn *in)
{
	const uint8_t *code = elf_image__bytes(img, in->vaddr, 4);

	if (d->machine != EM_AARCH64 || !code || in->vaddr % 4 ||
	    !elf_image__is_code(img, in->vaddr))
		return false;
	insn_arm64__fill_unknown(code, in);
	return true;
}

static void decode_known(struct decoder *d, struct insn *in)
{
	in->len = (uint8_t)d->ci->size;
	in->writes = written(d);
	if (d->machine == EM_AARCH64)
		insn_arm64__fill(d->ci, in);
	else
		insn_x86__fill(d->ci, in);
}

bool decoder__insn(struct decoder *d, const struct elf_image *img, uint64_t vaddr, struct insn *in)
{
	*in = (struct insn){
		.vaddr = vaddr,
		.dst = INSN_NO_REG,
		.src = INSN_NO_REG,
		.base = INSN_NO_REG,
		.pair = INSN_NO_REG,
	};
	if (decode(d, img, vaddr))
		decode_known(d, in);
	else if (!decode_unknown(d, img, in))
		return false;
	in->moves_fp = in->writes >> insn__fp_reg(d->machine) & 1;
	if (in->kind == INSN_CALL || in->kind == INSN_CALL_INDIRECT) {
		in->writes |= insn__caller_saved(d->machine);
		in->writes_flags = true;
	}
	return true;
}

static bool is_landing_pad(struct decoder *d, const struct elf_image *img, uint64_t vaddr)
{
	struct insn in;

	return decoder__insn(d, img, vaddr, &in) && in.landing_pad;
}

char *decoder__text(struct decoder *d, const struct elf_image *img, uint64_t vaddr, char *buf,
		    size_t size)
{
	buf[0] = '\0';
	/* Only for the text: the syntax also turns the order of the operands around. */
	if (d->machine == EM_X86_64)
		cs_option(d->handle, CS_OPT_SYNTAX, CS_OPT_SYNTAX_ATT);
	if (d->machine == EM_AARCH64 && is_landing_pad(d, img, vaddr))
		snprintf(buf, size, "bti"); /* capstone 4 only knows that it is a hint */
	else if (decode(d, img, vaddr))
		snprintf(buf, size, "%s%s%s", d->ci->mnemonic, d->ci->op_str[0] ? " " : "",
			 d->ci->op_str);
	if (d->machine == EM_X86_64)
		cs_option(d->handle, CS_OPT_SYNTAX, CS_OPT_SYNTAX_DEFAULT);
	return buf;
}

const char *insn__reg_name(uint16_t machine, uint8_t reg)
{
	static const char *const x86[] = { "rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp",
					   "r8",  "r9",	 "r10", "r11", "r12", "r13", "r14", "r15" };
	static const char *const arm64[] = {
		"x0",  "x1",  "x2",  "x3",  "x4",  "x5",  "x6",	 "x7",	"x8",  "x9",  "x10",
		"x11", "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21",
		"x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29", "x30", "sp"
	};

	if (machine == EM_X86_64 && reg < sizeof(x86) / sizeof(*x86))
		return x86[reg];
	if (machine == EM_AARCH64 && reg < sizeof(arm64) / sizeof(*arm64))
		return arm64[reg];
	return "-";
}

uint8_t insn__sp_reg(uint16_t machine)
{
	return machine == EM_AARCH64 ? 31 : 7; /* sp, rsp */
}

uint8_t insn__fp_reg(uint16_t machine)
{
	return machine == EM_AARCH64 ? 29 : 6; /* x29, rbp */
}

uint8_t insn__arg_reg(uint16_t machine, unsigned int arg)
{
	static const uint8_t x86[] = { 5, 4, 1 }; /* rdi, rsi, rdx: System V psABI 3.2.3 */

	if (arg > 2)
		return INSN_NO_REG;
	return machine == EM_AARCH64 ? (uint8_t)arg : x86[arg];
}

uint32_t insn__caller_saved(uint16_t machine)
{
	if (machine == EM_AARCH64)
		return 0x4007ffff; /* x0-x18 and the link register: AAPCS64 6.1.1 */
	return 0x0f37;		   /* rax, rdx, rcx, rsi, rdi, r8-r11 */
}
