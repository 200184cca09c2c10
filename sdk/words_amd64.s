#include "textflag.h"

// func spaceMarksAVX2(p unsafe.Pointer) (spaces, others uint64)
//
// Others are bytes below the space, C2, and E0 to E3.
TEXT ·spaceMarksAVX2(SB), NOSPLIT, $0-24
	MOVQ p+0(FP), SI
	VMOVDQU (SI), Y0
	VMOVDQU 32(SI), Y1
	MOVL $0x20, AX
	VMOVD AX, X2
	VPBROADCASTB X2, Y2
	VPCMPEQB Y2, Y0, Y3 // the spaces
	VPCMPEQB Y2, Y1, Y4
	VPMOVMSKB Y3, AX
	VPMOVMSKB Y4, BX
	SHLQ $32, BX
	ORQ BX, AX
	MOVQ AX, spaces+8(FP)
	VPMINUB Y2, Y0, Y5 // a byte that is its minimum with the space is not above it
	VPMINUB Y2, Y1, Y6
	VPCMPEQB Y0, Y5, Y5
	VPCMPEQB Y1, Y6, Y6
	VPXOR Y3, Y5, Y5
	VPXOR Y4, Y6, Y6
	VPMOVMSKB Y0, CX // any byte that is not ASCII?
	VPMOVMSKB Y1, DX
	ORL DX, CX
	JZ  ascii
	MOVL $0xc2, CX
	VMOVD CX, X2
	VPBROADCASTB X2, Y2
	VPCMPEQB Y2, Y0, Y3
	VPCMPEQB Y2, Y1, Y4
	VPOR Y3, Y5, Y5
	VPOR Y4, Y6, Y6
	MOVL $0xfc, CX
	VMOVD CX, X2
	VPBROADCASTB X2, Y2
	VPAND Y2, Y0, Y0
	VPAND Y2, Y1, Y1
	MOVL $0xe0, CX
	VMOVD CX, X2
	VPBROADCASTB X2, Y2
	VPCMPEQB Y2, Y0, Y0
	VPCMPEQB Y2, Y1, Y1
	VPOR Y0, Y5, Y5
	VPOR Y1, Y6, Y6
ascii:
	VPMOVMSKB Y5, CX
	VPMOVMSKB Y6, DX
	SHLQ $32, DX
	ORQ DX, CX
	MOVQ CX, others+16(FP)
	VZEROUPPER
	RET
