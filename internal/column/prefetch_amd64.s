#include "textflag.h"

// func prefetchAt(data *byte, offs *int32, sel *uint32, n int)
TEXT ·prefetchAt(SB), NOSPLIT, $0-32
	MOVQ data+0(FP), DI
	MOVQ offs+8(FP), SI
	MOVQ sel+16(FP), DX
	MOVQ n+24(FP), CX
	TESTQ CX, CX
	JZ   done
loop:
	MOVL (DX), AX
	MOVLQSX (SI)(AX*4), BX
	PREFETCHT0 (DI)(BX*1)
	PREFETCHT0 64(DI)(BX*1)
	ADDQ $4, DX
	DECQ CX
	JNZ  loop
done:
	RET
