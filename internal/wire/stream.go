package wire

import (
	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/plan"
)

// Registration is what an executor says of itself when it registers.
type Registration struct {
	ClusterID        string // 32 hexadecimal digits
	Executor         plan.ExecutorID
	Protocol         Versions
	BuildVersion     string
	Slots            int
	MemoryBytes      int64
	DataAddress      string // host:port
	OS               string // as Go names it
	Arch             string // as Go names it
	Isolation        string // for people
	Running          []plan.AttemptID
	Held             []HeldOutput
	CommandsReceived uint64 // of the envelope's term
	FirstReport      uint64 // that was not acknowledged
	DiskLow          bool
}

// HeldOutput is a map output that an executor still holds.
type HeldOutput struct {
	ID     plan.OutputID
	Digest string
}

// EncodeRegistration makes the message of a registration.
func EncodeRegistration(r *Registration) *pb.Register {
	return &pb.Register{
		ClusterId: r.ClusterID, Executor: string(r.Executor),
		ProtocolMin: narrow(r.Protocol.Min), ProtocolMax: narrow(r.Protocol.Max), BuildVersion: r.BuildVersion,
		Slots: narrow(r.Slots), MemoryBytes: r.MemoryBytes, DataAddress: r.DataAddress,
		Platform: &pb.Platform{Os: r.OS, Arch: r.Arch}, Isolation: r.Isolation,
		Running: EncodeAttemptIDs(r.Running),
		Held: messages(r.Held, func(h *HeldOutput) *pb.HeldOutput {
			return &pb.HeldOutput{Id: encodeOutputID(&h.ID), Digest: h.Digest}
		}),
		CommandsReceived: r.CommandsReceived, FirstReport: r.FirstReport, DiskLow: r.DiskLow,
	}
}

// DecodeRegistration checks a registration.
func DecodeRegistration(m *pb.Register) (Registration, error) {
	return decode("register", m, readRegistration)
}

func readRegistration(c *checker, m *pb.Register) Registration {
	r := Registration{
		ClusterID:        c.digest("cluster_id", m.GetClusterId(), clusterIDBytes),
		Executor:         plan.ExecutorID(c.given("executor", m.GetExecutor())),
		Protocol:         c.versions(m.GetProtocolMin(), m.GetProtocolMax()),
		BuildVersion:     c.name("build_version", m.GetBuildVersion()),
		Slots:            c.number("slots", m.GetSlots()),
		MemoryBytes:      c.quantity("memory_bytes", m.GetMemoryBytes()),
		DataAddress:      c.given("data_address", m.GetDataAddress()),
		OS:               c.given("platform.os", m.GetPlatform().GetOs()),
		Arch:             c.given("platform.arch", m.GetPlatform().GetArch()),
		Isolation:        c.name("isolation", m.GetIsolation()),
		Running:          list(c, "running", m.GetRunning(), readAttemptID),
		Held:             list(c, "held", m.GetHeld(), readHeldOutput),
		CommandsReceived: m.GetCommandsReceived(),
		FirstReport:      m.GetFirstReport(),
		DiskLow:          m.GetDiskLow(),
	}
	if r.FirstReport == 0 {
		c.fail("first_report", "is 0: reports are numbered from 1")
	}
	return r
}

// clusterIDBytes is the size of a cluster's id.
const clusterIDBytes = 16

func readHeldOutput(c *checker, m *pb.HeldOutput) HeldOutput {
	return HeldOutput{
		ID:     one(c, "id", m.GetId(), readOutputID),
		Digest: c.digest("digest", m.GetDigest(), digestBytes),
	}
}

// CheckRequest checks the envelope of a message from an executor: its session,
// that it says something this build knows, and that it is numbered if and only
// if it changes something. What is inside is checked where it is decoded.
func CheckRequest(m *pb.ConnectRequest) error {
	c := checker{place: []step{{"request", -1}}}
	switch m.GetMessage().(type) {
	case *pb.ConnectRequest_Register, *pb.ConnectRequest_Heartbeat, *pb.ConnectRequest_Ack, *pb.ConnectRequest_RunJob:
		c.envelope(m.GetSession(), m.GetSequence(), false)
	case *pb.ConnectRequest_AttemptFinished, *pb.ConnectRequest_AttemptFailed,
		*pb.ConnectRequest_DrainRequested, *pb.ConnectRequest_Leave:
		c.envelope(m.GetSession(), m.GetSequence(), true)
	default:
		c.fail("message", "is missing or not known")
	}
	return c.err
}

// CheckResponse checks the envelope of a message from a coordinator: its term
// and session, that it says something this build knows, and that it is numbered
// if and only if it is a command. What is inside is checked where it is decoded.
func CheckResponse(m *pb.ConnectResponse) error {
	c := checker{place: []step{{"response", -1}}}
	if m.GetTerm() == 0 {
		c.fail("term", "is 0")
	}
	switch m.GetMessage().(type) {
	case *pb.ConnectResponse_Registered, *pb.ConnectResponse_Ack, *pb.ConnectResponse_Fence, *pb.ConnectResponse_Executors,
		*pb.ConnectResponse_JobRows, *pb.ConnectResponse_JobEnded:
		c.envelope(m.GetSession(), m.GetSequence(), false)
	case *pb.ConnectResponse_JobSpec, *pb.ConnectResponse_Launch, *pb.ConnectResponse_Cancel,
		*pb.ConnectResponse_Release, *pb.ConnectResponse_ReleaseJob, *pb.ConnectResponse_Drain:
		c.envelope(m.GetSession(), m.GetSequence(), true)
	default:
		c.fail("message", "is missing or not known")
	}
	return c.err
}

func (c *checker) envelope(session, sequence uint64, numbered bool) {
	if session == 0 {
		c.fail("session", "is 0")
	}
	switch {
	case numbered && sequence == 0:
		c.fail("sequence", "is 0: this message is numbered")
	case !numbered && sequence != 0:
		c.fail("sequence", "is %d: this message is not numbered", sequence)
	}
}
