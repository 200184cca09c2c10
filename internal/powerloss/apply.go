package powerloss

// apply does to the disk what an operation does, if it can. An operation that
// fails changes nothing, so nobody has to know how the real one ended.
func (d *Disk) apply(o *op) {
	switch o.kind {
	case opCreate:
		d.make(o.path, &node{})
	case opMkdir:
		d.make(o.path, newDir())
	case opWrite, opTruncate, opExtend:
		if n := d.at(o.path); n != nil && !n.dir {
			n.change(o)
		}
	case opSync:
		d.sync(o.path)
	case opRename:
		d.rename(o)
	case opExchange:
		d.exchange(o)
	case opUnlink, opRmdir:
		d.remove(o)
	case opLink:
		if n := d.at(o.path); n != nil && !n.dir {
			d.make(o.to, n)
		}
	}
}

func (d *Disk) make(path string, n *node) {
	if dir, name := d.parent(path); dir != nil && dir.names[name] == nil {
		d.set(entry{dir, name, n})
	}
}

// change changes a file's bytes.
func (n *node) change(o *op) {
	switch o.kind {
	case opWrite:
		offset := o.offset
		if o.flags.append {
			offset = n.bytes.size
		}
		n.bytes.put(offset, o.data)
		n.unsynced = append(n.unsynced, write{offset, o.data})
	case opTruncate:
		n.bytes.resize(o.offset)
		n.resized = true
	case opExtend:
		if o.offset > n.bytes.size {
			n.bytes.resize(o.offset)
			n.resized = true
		}
	}
}

func (d *Disk) sync(path string) {
	n := d.at(path)
	switch {
	case n == nil:
	case n.dir:
		d.syncNames(n)
	default:
		n.safeBytes, n.unsynced, n.resized = n.bytes.clone(), nil, false
	}
}

func (d *Disk) rename(o *op) {
	from, fromName := d.parent(o.path)
	to, toName := d.parent(o.to)
	if from == nil || to == nil {
		return
	}
	n, over := from.names[fromName], to.names[toName]
	if n == nil || n == over || over != nil && (o.flags.noReplace || over.dir != n.dir || len(over.names) > 0) {
		return
	}
	d.set(entry{from, fromName, nil}, entry{to, toName, n})
}

func (d *Disk) exchange(o *op) {
	a, aName := d.parent(o.path)
	b, bName := d.parent(o.to)
	if a == nil || b == nil || a.names[aName] == nil || b.names[bName] == nil {
		return
	}
	d.set(entry{a, aName, b.names[bName]}, entry{b, bName, a.names[aName]})
}

func (d *Disk) remove(o *op) {
	dir, name := d.parent(o.path)
	if dir == nil {
		return
	}
	n := dir.names[name]
	if n == nil || n.dir != (o.kind == opRmdir) || len(n.names) > 0 {
		return
	}
	d.set(entry{dir, name, nil})
}
