Facter.add(:demo_fact) { setcode { 'df' } }
