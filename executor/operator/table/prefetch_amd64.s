#include "textflag.h"

// func prefetchSlots(slots *slot, mask uint64, probes *probe, n int)
//
// Slots and probes take 32 bytes; a probe's hash stands at 16.
TEXT ·prefetchSlots(SB), NOSPLIT, $0-32
	MOVQ slots+0(FP), DI
	MOVQ mask+8(FP), DX
	MOVQ probes+16(FP), SI
	MOVQ n+24(FP), CX
	TESTQ CX, CX
	JZ   done
loop:
	MOVQ 16(SI), AX
	ANDQ DX, AX
	SHLQ $5, AX
	PREFETCHT0 (DI)(AX*1)
	ADDQ $32, SI
	DECQ CX
	JNZ  loop
done:
	RET
