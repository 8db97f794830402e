/* SPDX-License-Identifier: GPL-2.0-only */
/* What family.c (who is there) and relative.c (one of them) share. */
#ifndef VTBPF_FAMILY_STATE_H
#define VTBPF_FAMILY_STATE_H

#include <uthash.h>

#include "family.h"
#include "kin.h"

#define LOOK_AFTER_FORK_NS 50000000ULL /* many a child executes another program at once */
#define LOOK_AFTER_EXEC_NS 1000000ULL  /* a shared interpreter comes with the dynamic loader */
#define LOOK_MAX_NS 5000000000ULL
#define UNKNOWN_NS 2000000000ULL /* so long a new program may still turn out to be Python */

struct relative {
	pid_t pid, ppid;
	uint64_t since; /* its fork, or the execve() of its program, ns; 0: before the trace */
	uint64_t look_at, look_again; /* when, and how much later once more; 0: no more */
	uint64_t bias;		      /* see target.h */
	bool executed;		      /* a program of its own, unlike the one it was forked from */
	bool seen;		      /* there were events: it runs the target's interpreter */
	bool runs_ours;		      /* the same, as /proc tells */
	bool runs_other;	      /* Python, but another one */
	struct kin *kin;	      /* who records it then */
	bool met;		      /* its program ran before it was followed */
	bool adopted;		      /* to be told of when it is traced */
	bool told;		      /* that it is missed */
	bool announced;		      /* the capture knows of it */
	uint64_t name_at;	      /* the same for what multiprocessing calls it */
	char command[PROCESS_NAME_MAX]; /* and what it is called for its own command line */
	struct py_reader *reader;
	struct thread_names *names;
	struct string_repair *repair;
	struct idle_threads *idle;
	UT_hash_handle hh;
};

/* Of which process a thread is. The target's are not here. */
struct thread_of {
	pid_t tid;
	struct relative *relative;
	UT_hash_handle hh;
};

struct family {
	struct relative *all;
	struct thread_of *threads;
	struct kin *kin;  /* recordings of other interpreters */
	uint64_t list_at; /* when to look who else is noted as one of the family, where it is led */
	bool target_gone;
	bool bystanders_told; /* how many others the probes slow down */
	size_t ignored_gone;  /* threads of processes that are gone */
};

struct relative *relative__of(const struct family *f, pid_t pid);
struct relative *relative__add(struct family *f, pid_t pid, pid_t ppid);

/* Does another recording lead the family, and tell what was missed? */
bool family__is_led(const struct recording *r);

/* Its memory is another program's now. */
void relative__forget_program(struct family *f, struct relative *m);

/* What reads its memory, and follows its names. */
void relative__free_parts(struct family *f, struct relative *m);

/* It runs the target's interpreter: from here on its names are followed. */
void relative__get_to_know(struct recording *r, struct relative *m);

/* The user is told, if it was named; version: PY_VERSION_HEX. */
void relative__is_traced(struct relative *m, uint32_t version);

/* Says, to the user and in the capture, that it is not traced. comm "": as /proc has it. */
void relative__missed(struct recording *r, struct relative *m, const char *comm, const char *why);

/* Says so of what it did in its first ns, before the probes were in its interpreter. */
void relative__late(struct recording *r, const struct relative *m, uint64_t ns);

#endif
