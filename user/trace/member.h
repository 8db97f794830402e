/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One recording out of several that run at a time, each in a child process of its own: what befalls
 * one, befalls no other. The two sides talk over a socket; when the supervisor dies, the child ends
 * its recording as on SIGTERM.
 */
#ifndef VTBPF_MEMBER_H
#define VTBPF_MEMBER_H

#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum member_news {
	MEMBER_TRACING, /* all probes are set: start, capture */
	MEMBER_CAPTURE, /* one more capture, whole, of this segment */
	MEMBER_SEGMENT, /* a segment has ended: all but status and end; the recording goes on */
	MEMBER_ENDED,	/* all of it */
};

#define MEMBER_WORDS 256

/* What a child says of itself. */
struct member_report {
	enum member_news news;
	int status;		       /* exit status, enum exit_code */
	int end;		       /* enum recording_end */
	uint64_t start, stop;	       /* CLOCK_MONOTONIC ns */
	pid_t pid;		       /* of whom it is */
	uint32_t python;	       /* PY_VERSION_HEX */
	bool pid_gone;		       /* that one ended before it was looked at */
	bool short_capture;	       /* it was cut short, and is to be kept */
	char last_words[MEMBER_WORDS]; /* on MEMBER_ENDED, to be said last of all; "": none */
	char capture[PATH_MAX];	       /* "": none */
};

/* What is asked of a child; a single byte asks for the next segment. */
struct member_order {
	pid_t adopt; /* a process to follow as well */
};

/* In the child. */
struct member_link {
	int fd; /* orders */
	bool in_segments;
	/* Of one that records what runs another interpreter in a family: tracer__family_fd() of who
	 * leads it, and that one's target. 0: it is none. */
	int family_fd;
	pid_t family;
	int types_fd; /* for its tracer */
};

/* In the supervisor. */
struct member {
	pid_t pid;
	int fd;			     /* readable when there are news */
	bool ended;		     /* told so, or died */
	struct member_report report; /* the last one */
};

/* Forks, runs `run` in the child and exits with what it returns. 0 or a negative errno. */
int member__start(struct member *m, int (*run)(void *ctx, struct member_link *link), void *ctx);

/* Takes one report into m->report, which a child that died without one gets, too. 1, or 0 when there
 * is nothing to take. */
int member__receive(struct member *m);

/* Asks the child for the next segment, to follow one more process, and to end. */
void member__cut(struct member *m);
int member__adopt(struct member *m, pid_t pid); /* 0 or a negative errno */
void member__stop(struct member *m);

/* Waits for the child's end, and releases all. */
void member__free(struct member *m);

/* In the child: tells the supervisor. */
void member__tell(const struct member_link *link, const struct member_report *report);

#endif
